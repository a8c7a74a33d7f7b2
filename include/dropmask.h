/* dropmask: exact, replayable dropout for plain float arrays. Generated from src/ffi by cbindgen; not to be edited.
 *
 * A mask is a pure function of a key, a drop probability and the index of an element, so it need not be stored: backward
 * replays what forward drew, and any thread or chunk computes exactly its own part. kept(j) below is whether the element
 * of index j is kept.
 *
 * RULES FOR ALL FUNCTIONS
 *
 * - key comes from dropmask_key_new and dropmask_key_derive; p is the chance in [0, 1] that an element is dropped;
 *   offset is the index that the first element of the buffers has in the whole tensor.
 * - p is a float, and a double is rounded to it first: 0.999 becomes 0.99900001287 and has the scale 1000.0129, not 1000;
 *   the scale of 0.9999 is off by 1.7e-4 of itself.
 * - Lengths and strides count elements, not bytes. A mask has one bit for each element that shares none, packed in
 *   uint64_t words with the least significant bit first, 1 = keep.
 * - What is dropped becomes +0.0, also if it was a NaN or an infinity.
 * - What has a factor of 0, be it the scale or the keep of p = 1, is dropped and not multiplied.
 * - All levels and machines give the same bits, and any split of a range those of the whole, NaNs aside. A NaN is a NaN:
 *   unless it is copied, its sign and payload are unspecified, and may differ between levels and between two splits of a
 *   range.
 * - All buffers are the caller's, who sees to it that they are as long as is said and that no other thread uses them
 *   meanwhile, but for threads that read what is only read. What lies between the rows of a buffer is part of it.
 * - A buffer without elements is not looked at: its pointer may be anything. So may that of an input where no output has
 *   elements and there are no tokens to check. No other may be NULL unless it is said.
 * - Buffers that are only read may be equal, or overlap in any way. One that is written may equal one that is read where
 *   it is said, for work in place; any other overlap of it is DROPMASK_OVERLAP.
 * - A status is returned. On any but DROPMASK_OK nothing has been written; of several faults the one of the lowest
 *   number is reported. The list of each function leaves out the DROPMASK_ of the names.
 * - Nothing allocates, panics or locks. There is no state but the SIMD level of the machine, which is looked up once:
 *   any number of threads may call any functions, each on its own buffers.
 * - The output of one mask may be computed in parts, each with the offset of its first element; parts of one stored mask
 *   that start at multiples of 64 elements share no word.
 */


#ifndef DROPMASK_H
#define DROPMASK_H

#include <stddef.h>
#include <stdint.h>

#define DROPMASK_VERSION_MAJOR 0
#define DROPMASK_VERSION_MINOR 1
#define DROPMASK_VERSION_PATCH 0
#define DROPMASK_VERSION "0.1.0"

/**
 * past of the attention functions: every query sees every key.
 */
#define DROPMASK_NOT_CAUSAL PTRDIFF_MAX


/**
 * Training: kept elements times dropmask_scale(p). Evaluation: the identity.
 */
#define DROPMASK_INVERTED 0

/**
 * Training: kept elements as they are. Evaluation: all elements times dropmask_keep(p), +0.0 whatever they are where
 * that is 0.
 */
#define DROPMASK_STANDARD 1

/**
 * Training: kept elements as they are. Evaluation: the identity, too large by 1 / (1 - p).
 */
#define DROPMASK_NAIVE 2

/**
 * Samples, channels, positions: element s of channel c of sample n is at (n * channels + c) * positions + s.
 */
#define DROPMASK_CHANNELS_FIRST 0

/**
 * Samples, positions, channels: element s of channel c of sample n is at (n * positions + s) * channels + c.
 */
#define DROPMASK_CHANNELS_LAST 1

/**
 * What a call came to: 0 is success. On anything else nothing has been written.
 *
 * Of several faults, the one of the lowest number is reported.
 */
typedef uint32_t dropmask_status;

/**
 * All is done.
 */
#define DROPMASK_OK 0

/**
 * The drop probability is NaN or outside [0, 1].
 */
#define DROPMASK_INVALID_PROBABILITY 1

/**
 * A buffer has more than PTRDIFF_MAX bytes; with 32-bit pointers, also where a function does not list it.
 */
#define DROPMASK_LENGTH_OVERFLOW 2

/**
 * A buffer that has elements is NULL, and the function does not say that it may be.
 */
#define DROPMASK_NULL_POINTER 3

/**
 * A buffer has not the natural alignment of its elements.
 */
#define DROPMASK_MISALIGNED 4

/**
 * A buffer that is written overlaps another one, and they are not a pair that the function allows to be equal.
 */
#define DROPMASK_OVERLAP 5

/**
 * The index of an element passes 2^64; an index range may end at exactly 2^64.
 */
#define DROPMASK_INDEX_OVERFLOW 6

/**
 * Rows overlap in memory, or a shape or its mask has more than SIZE_MAX elements; the latter, with 32-bit pointers,
 * also where a function does not list it.
 */
#define DROPMASK_INVALID_SHAPE 7

/**
 * A scaling, a layout or an option has a value that this header does not name.
 */
#define DROPMASK_INVALID_OPTION 8

/**
 * A block is empty or larger than its map.
 */
#define DROPMASK_INVALID_BLOCK 9

/**
 * A token is not in the vocabulary.
 */
#define DROPMASK_UNKNOWN_TOKEN 10





#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The key of a seed: 64 bits that name one mask stream.
 */
uint64_t dropmask_key_new(uint64_t seed);

/**
 * The key of one step below a key. Derive by what a mask is for, in a fixed order: layer, step, sample. Distinct
 * short paths of steps give distinct, statistically independent streams; they are not cryptographic.
 */
uint64_t dropmask_key_derive(uint64_t key, uint64_t step);

/**
 * A whole number below n, number i of the key; 0 if n is 0. Numbers and masks come from the same sequence: give each
 * a key of its own.
 */
uint64_t dropmask_key_below(uint64_t key, uint64_t i, uint64_t n);

/**
 * The SIMD level that runs: "scalar", "portable", "avx2" or "avx512". Every level gives the same bits, NaNs aside, as the
 * rules say. Never NULL; the string is static.
 */
const char *dropmask_level(void);

/**
 * The factor of kept elements in training: 1 / (1 - p) of the probability that is really drawn, 2^32 / T; 0 where
 * everything is dropped (p = 1).
 *
 * p: a float; a double is rounded to it first, see the rules.
 * scale: one float.
 * Status: OK, INVALID_PROBABILITY, NULL_POINTER, MISALIGNED.
 */
dropmask_status dropmask_scale(float p, float *scale);

/**
 * The factor of standard dropout in evaluation: 1 - p of the probability that is really drawn, T / 2^32; 0 where
 * everything is dropped (p = 1).
 *
 * p: a float; a double is rounded to it first, see the rules.
 * keep: one float.
 * Status: OK, INVALID_PROBABILITY, NULL_POINTER, MISALIGNED.
 */
dropmask_status dropmask_keep(float p, float *keep);

/**
 * The threshold of a drop probability, T = floor((1 - p) * 2^32 + 0.5) in double: an element is kept with a
 * probability of exactly T / 2^32.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * threshold: one uint64_t.
 * Status: OK, INVALID_PROBABILITY, NULL_POINTER, MISALIGNED.
 */
dropmask_status dropmask_threshold(float p, uint64_t *threshold);

/**
 * A sentence for a status, also for one that does not exist. Never NULL; the string is static.
 */
const char *dropmask_status_message(dropmask_status status);

/**
 * Number of uint64_t words that hold a mask of len elements: len / 64, rounded up, for any len.
 *
 * Bit j of a mask is (mask[j / 64] >> (j % 64)) & 1.
 */
size_t dropmask_mask_words(size_t len);

/**
 * Counts the kept elements: the bits first .. first + len of mask that are 1.
 *
 * mask: dropmask_mask_words(first + len) words. kept: one uint64_t.
 * Status: OK, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_mask_count_kept(const uint64_t *mask, uint64_t first, size_t len, uint64_t *kept);

/**
 * Keeps what was dropped and drops what was kept. Bits past len in the last word become 0.
 *
 * mask: dropmask_mask_words(len) words.
 * Status: OK, NULL_POINTER, MISALIGNED.
 */
dropmask_status dropmask_mask_complement(uint64_t *mask, size_t len);

/**
 * Copies the bits first .. first + len of mask to the bits 0 .. len of out. Bits past len in its last word become 0.
 *
 * mask: dropmask_mask_words(first + len) words. out: dropmask_mask_words(len) words.
 * Status: OK, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_mask_copy(const uint64_t *mask, uint64_t first, uint64_t *out, size_t len);

/**
 * Writes one byte an element, 1 = kept and 0 = dropped, of the bits first .. first + len of mask.
 *
 * mask: dropmask_mask_words(first + len) words. out: len bytes.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_mask_to_u8(const uint64_t *mask, uint64_t first, uint8_t *out, size_t len);

/**
 * Packs one byte an element: 0 = drop, anything else = keep. Bits past len in the last word become 0.
 *
 * kept: len bytes. mask: dropmask_mask_words(len) words.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_mask_from_u8(const uint8_t *kept, uint64_t *mask, size_t len);

/**
 * Writes the bits first .. first + len of mask as packed bytes, element 8 * k in the lowest bit of byte k, on every
 * machine: numpy.packbits(bitorder='little'). On a little-endian machine the words of a mask are these bytes.
 *
 * mask: dropmask_mask_words(first + len) words. out: len / 8 bytes, rounded up.
 * Status: OK, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_mask_to_le_bytes(const uint64_t *mask, uint64_t first, uint8_t *out, size_t len);

/**
 * Reads packed bytes, as dropmask_mask_to_le_bytes writes them. Bits past len in the last byte are ignored, those in the
 * last word become 0.
 *
 * bytes: len / 8 bytes, rounded up. mask: dropmask_mask_words(len) words.
 * Status: OK, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_mask_from_le_bytes(const uint8_t *bytes,
                                            uint64_t *mask,
                                            size_t len);

/**
 * Draws a mask: bit j of it is 1 where the element of index offset + j is kept. Bits past len in the last word become 0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * mask: dropmask_mask_words(len) words.
 * Status: OK, INVALID_PROBABILITY, NULL_POINTER, MISALIGNED, INDEX_OVERFLOW.
 */
dropmask_status dropmask_fill(uint64_t key,
                              float p,
                              uint64_t offset,
                              uint64_t *mask,
                              size_t len);

/**
 * Dropout: y[i] = kept(offset + i) ? x[i] * scale : +0.0, with the scale of dropmask_scale. If mask is not NULL, it is
 * stored as dropmask_fill draws it.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, y: len floats; y may be equal to x. mask: dropmask_mask_words(len) words, or NULL.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW.
 */
dropmask_status dropmask_forward_f32(uint64_t key,
                                     float p,
                                     uint64_t offset,
                                     const float *x,
                                     float *y,
                                     uint64_t *mask,
                                     size_t len);

/**
 * The gradient of dropmask_forward_f32, its mask drawn again: dx[i] = kept(offset + i) ? dy[i] * scale : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * dy, dx: len floats; dx may be equal to dy.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW.
 */
dropmask_status dropmask_backward_f32(uint64_t key, float p, uint64_t offset, const float *dy, float *dx, size_t len);

/**
 * Dropout before a residual sum: y[i] = r[i] + (kept(offset + i) ? x[i] * scale : +0.0). The gradient of r is dy, that
 * of x is dropmask_backward_f32.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, r, y: len floats; y may be equal to x.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW.
 */
dropmask_status dropmask_forward_residual_f32(uint64_t key,
                                              float p,
                                              uint64_t offset,
                                              const float *x,
                                              const float *r,
                                              float *y,
                                              size_t len);

/**
 * Dropout added to a residual: r[i] += kept(offset + i) ? x[i] * scale : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, r: len floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW.
 */
dropmask_status dropmask_forward_add_f32(uint64_t key, float p, uint64_t offset, const float *x, float *r, size_t len);

/**
 * Accumulates the gradient: dx[i] += kept(offset + i) ? dy[i] * scale : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * dy, dx: len floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW.
 */
dropmask_status dropmask_backward_add_f32(uint64_t key,
                                          float p,
                                          uint64_t offset,
                                          const float *dy,
                                          float *dx,
                                          size_t len);

/**
 * What the network computes when it is not trained: y[i] = x[i], with DROPMASK_STANDARD y[i] = x[i] * keep, with the
 * keep of dropmask_keep; where keep is 0 (p = 1), y[i] = +0.0 whatever x is.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, y: len floats; y may be equal to x.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_OPTION.
 */
dropmask_status dropmask_evaluate_f32(float p, uint32_t scaling, const float *x, float *y, size_t len);

/**
 * dropmask_evaluate_f32 before a residual sum: y[i] = r[i] + x[i], with DROPMASK_STANDARD y[i] = r[i] + x[i] * keep;
 * where keep is 0, y[i] = r[i] + 0.0 whatever x is.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, r, y: len floats; y may be equal to x.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_OPTION.
 */
dropmask_status dropmask_evaluate_residual_f32(float p,
                                               uint32_t scaling,
                                               const float *x,
                                               const float *r,
                                               float *y,
                                               size_t len);

/**
 * Dropout by a stored mask, in either pass: y[i] = (bit i of mask) ? x[i] * scale : +0.0. A scale of 0, which is that
 * of p = 1, drops everything, here and in all that takes a stored mask.
 *
 * mask: dropmask_mask_words(len) words. x, y: len floats; y may be equal to x.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_apply_f32(const uint64_t *mask, float scale, const float *x, float *y, size_t len);

/**
 * Accumulates the gradient by a stored mask: dx[i] += (bit i of mask) ? dy[i] * scale : +0.0.
 *
 * mask: dropmask_mask_words(len) words. dy, dx: len floats.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_apply_add_f32(const uint64_t *mask, float scale, const float *dy, float *dx, size_t len);

/**
 * Dropout by a stored mask before a residual sum: y[i] = r[i] + ((bit i of mask) ? x[i] * scale : +0.0).
 *
 * mask: dropmask_mask_words(len) words. x, r, y: len floats; y may be equal to x.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_apply_residual_f32(const uint64_t *mask,
                                            float scale,
                                            const float *x,
                                            const float *r,
                                            float *y,
                                            size_t len);

/**
 * dropmask_fill by rows: a column shard of a matrix in one call. Element c of row r has the index offset + r *
 * index_stride + c, and its bit is bit r * columns + c of mask: the bits of a row follow those of the row before. An
 * index_stride of 0 gives every row the same bits, which are stored once: bit c. The rest of the last word becomes 0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * mask: dropmask_mask_words(rows * columns) words; if index_stride is 0, dropmask_mask_words(columns).
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, INDEX_OVERFLOW, INVALID_SHAPE.
 */
dropmask_status dropmask_rows_fill(uint64_t key,
                                   float p,
                                   uint64_t offset,
                                   size_t rows,
                                   size_t columns,
                                   uint64_t index_stride,
                                   uint64_t *mask);

/**
 * dropmask_forward_f32 by rows, a column shard of a matrix in one call: y = kept(index) ? x * scale : +0.0, where the
 * scale is 1 unless scaling is DROPMASK_INVERTED. Element c of row r is at r * stride + c of a buffer and has the
 * index offset + r * index_stride + c. What lies between the rows is neither read nor written. The stride is at least
 * columns; the index_stride is any, 0 for the same mask in every row. If mask is not NULL, it is stored as
 * dropmask_rows_fill draws it.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, y: (rows - 1) * stride + columns floats; y may be equal to x. mask: as in dropmask_rows_fill, or NULL.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION.
 */
dropmask_status dropmask_rows_forward_f32(uint64_t key,
                                          float p,
                                          uint64_t offset,
                                          uint32_t scaling,
                                          size_t rows,
                                          size_t columns,
                                          size_t stride,
                                          uint64_t index_stride,
                                          const float *x,
                                          float *y,
                                          uint64_t *mask);

/**
 * dropmask_forward_residual_f32 by rows, as in dropmask_rows_forward_f32: y = r + (kept(index) ? x * scale : +0.0).
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, r, y: (rows - 1) * stride + columns floats; y may be equal to x.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION.
 */
dropmask_status dropmask_rows_forward_residual_f32(uint64_t key,
                                                   float p,
                                                   uint64_t offset,
                                                   uint32_t scaling,
                                                   size_t rows,
                                                   size_t columns,
                                                   size_t stride,
                                                   uint64_t index_stride,
                                                   const float *x,
                                                   const float *r,
                                                   float *y);

/**
 * dropmask_forward_add_f32 by rows, as in dropmask_rows_forward_f32: r += kept(index) ? x * scale : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, r: (rows - 1) * stride + columns floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION.
 */
dropmask_status dropmask_rows_forward_add_f32(uint64_t key,
                                              float p,
                                              uint64_t offset,
                                              uint32_t scaling,
                                              size_t rows,
                                              size_t columns,
                                              size_t stride,
                                              uint64_t index_stride,
                                              const float *x,
                                              float *r);

/**
 * dropmask_backward_f32 by rows, as in dropmask_rows_forward_f32: dx = kept(index) ? dy * scale : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * dy, dx: (rows - 1) * stride + columns floats; dx may be equal to dy.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION.
 */
dropmask_status dropmask_rows_backward_f32(uint64_t key,
                                           float p,
                                           uint64_t offset,
                                           uint32_t scaling,
                                           size_t rows,
                                           size_t columns,
                                           size_t stride,
                                           uint64_t index_stride,
                                           const float *dy,
                                           float *dx);

/**
 * dropmask_backward_add_f32 by rows, as in dropmask_rows_forward_f32: dx += kept(index) ? dy * scale : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * dy, dx: (rows - 1) * stride + columns floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION.
 */
dropmask_status dropmask_rows_backward_add_f32(uint64_t key,
                                               float p,
                                               uint64_t offset,
                                               uint32_t scaling,
                                               size_t rows,
                                               size_t columns,
                                               size_t stride,
                                               uint64_t index_stride,
                                               const float *dy,
                                               float *dx);

/**
 * dropmask_evaluate_f32 by rows, of which element c of row r is at r * stride + c.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, y: (rows - 1) * stride + columns floats; y may be equal to x.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
 */
dropmask_status dropmask_rows_evaluate_f32(float p,
                                           uint32_t scaling,
                                           size_t rows,
                                           size_t columns,
                                           size_t stride,
                                           const float *x,
                                           float *y);

/**
 * dropmask_evaluate_residual_f32 by rows, of which element c of row r is at r * stride + c.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, r, y: (rows - 1) * stride + columns floats; y may be equal to x.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
 */
dropmask_status dropmask_rows_evaluate_residual_f32(float p,
                                                    uint32_t scaling,
                                                    size_t rows,
                                                    size_t columns,
                                                    size_t stride,
                                                    const float *x,
                                                    const float *r,
                                                    float *y);

/**
 * dropmask_apply_f32 by rows, with a mask from any bit on: y = (bit first + r * index_stride + c of mask) ? x * scale
 * : +0.0 of element c of row r, at r * stride + c. The index_stride is any, and 0 gives every row the same bits. Of a
 * mask that was stored by rows it is columns, or 0 if it was stored with an index_stride of 0.
 *
 * mask: dropmask_mask_words(first + (rows - 1) * index_stride + columns) words. x, y: (rows - 1) * stride + columns
 * floats; y may be equal to x.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE.
 */
dropmask_status dropmask_rows_apply_f32(const uint64_t *mask,
                                        uint64_t first,
                                        float scale,
                                        size_t rows,
                                        size_t columns,
                                        size_t stride,
                                        uint64_t index_stride,
                                        const float *x,
                                        float *y);

/**
 * dropmask_apply_add_f32 by rows, as in dropmask_rows_apply_f32: dx += bit ? dy * scale : +0.0.
 *
 * mask: dropmask_mask_words(first + (rows - 1) * index_stride + columns) words. dy, dx: (rows - 1) * stride + columns
 * floats.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE.
 */
dropmask_status dropmask_rows_apply_add_f32(const uint64_t *mask,
                                            uint64_t first,
                                            float scale,
                                            size_t rows,
                                            size_t columns,
                                            size_t stride,
                                            uint64_t index_stride,
                                            const float *dy,
                                            float *dx);

/**
 * dropmask_apply_residual_f32 by rows, as in dropmask_rows_apply_f32: y = r + (bit ? x * scale : +0.0).
 *
 * mask: dropmask_mask_words(first + (rows - 1) * index_stride + columns) words. x, r, y: (rows - 1) * stride +
 * columns floats; y may be equal to x.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE.
 */
dropmask_status dropmask_rows_apply_residual_f32(const uint64_t *mask,
                                                 uint64_t first,
                                                 float scale,
                                                 size_t rows,
                                                 size_t columns,
                                                 size_t stride,
                                                 uint64_t index_stride,
                                                 const float *x,
                                                 const float *r,
                                                 float *y);

/**
 * Draws the mask of channels: the bit of channel c of sample n is that of index offset + n * index_stride + c, and bit
 * n * channels + c of mask: the bits of a sample follow those of the sample before. An index_stride of 0 gives every
 * sample the same bits, which are stored once: bit c. The rest of the last word becomes 0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * mask: dropmask_mask_words(samples * channels) words; if index_stride is 0, dropmask_mask_words(channels).
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, INDEX_OVERFLOW, INVALID_SHAPE.
 */
dropmask_status dropmask_channels_fill(uint64_t key,
                                       float p,
                                       uint64_t offset,
                                       size_t samples,
                                       size_t channels,
                                       uint64_t index_stride,
                                       uint64_t *mask);

/**
 * Spatial dropout, one bit for a whole channel: y = kept(offset + n * index_stride + c) ? x * scale : +0.0 for all
 * elements of channel c of sample n, where the scale is 1 unless scaling is DROPMASK_INVERTED. The layout is
 * DROPMASK_CHANNELS_FIRST or DROPMASK_CHANNELS_LAST; the same key drops the same channels in both. positions is L,
 * H * W or D * H * W; index_stride is the number of channels of the whole tensor (0: the same channels in every
 * sample). If mask is not NULL, it is stored as dropmask_channels_fill draws it. Evaluation is dropmask_evaluate_f32.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, y: samples * channels * positions floats; y may be equal to x. mask: as in dropmask_channels_fill, or NULL.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION.
 */
dropmask_status dropmask_channels_forward_f32(uint64_t key,
                                              float p,
                                              uint64_t offset,
                                              uint32_t scaling,
                                              uint32_t layout,
                                              size_t samples,
                                              size_t channels,
                                              size_t positions,
                                              uint64_t index_stride,
                                              const float *x,
                                              float *y,
                                              uint64_t *mask);

/**
 * Spatial dropout before a residual sum, as in dropmask_channels_forward_f32: y = r + (kept ? x * scale : +0.0).
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, r, y: samples * channels * positions floats; y may be equal to x.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION.
 */
dropmask_status dropmask_channels_forward_residual_f32(uint64_t key,
                                                       float p,
                                                       uint64_t offset,
                                                       uint32_t scaling,
                                                       uint32_t layout,
                                                       size_t samples,
                                                       size_t channels,
                                                       size_t positions,
                                                       uint64_t index_stride,
                                                       const float *x,
                                                       const float *r,
                                                       float *y);

/**
 * Spatial dropout added to a residual, as in dropmask_channels_forward_f32: r += kept ? x * scale : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, r: samples * channels * positions floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION.
 */
dropmask_status dropmask_channels_forward_add_f32(uint64_t key,
                                                  float p,
                                                  uint64_t offset,
                                                  uint32_t scaling,
                                                  uint32_t layout,
                                                  size_t samples,
                                                  size_t channels,
                                                  size_t positions,
                                                  uint64_t index_stride,
                                                  const float *x,
                                                  float *r);

/**
 * The gradient of dropmask_channels_forward_f32: dx = kept ? dy * scale : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * dy, dx: samples * channels * positions floats; dx may be equal to dy.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION.
 */
dropmask_status dropmask_channels_backward_f32(uint64_t key,
                                               float p,
                                               uint64_t offset,
                                               uint32_t scaling,
                                               uint32_t layout,
                                               size_t samples,
                                               size_t channels,
                                               size_t positions,
                                               uint64_t index_stride,
                                               const float *dy,
                                               float *dx);

/**
 * Accumulates the gradient of dropmask_channels_forward_f32: dx += kept ? dy * scale : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * dy, dx: samples * channels * positions floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION.
 */
dropmask_status dropmask_channels_backward_add_f32(uint64_t key,
                                                   float p,
                                                   uint64_t offset,
                                                   uint32_t scaling,
                                                   uint32_t layout,
                                                   size_t samples,
                                                   size_t channels,
                                                   size_t positions,
                                                   uint64_t index_stride,
                                                   const float *dy,
                                                   float *dx);

/**
 * Spatial dropout by a stored mask, in either pass: y = (bit first + n * index_stride + c of mask) ? x * scale : +0.0
 * for all elements of channel c of sample n. The index_stride is any, and 0 gives every sample the same bits. Of a
 * mask that was stored by channels it is channels, or 0 if it was stored with an index_stride of 0.
 *
 * mask: dropmask_mask_words(first + (samples - 1) * index_stride + channels) words. x, y: samples * channels *
 * positions floats; y may be equal to x.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
 */
dropmask_status dropmask_channels_apply_f32(const uint64_t *mask,
                                            uint64_t first,
                                            float scale,
                                            uint32_t layout,
                                            size_t samples,
                                            size_t channels,
                                            size_t positions,
                                            uint64_t index_stride,
                                            const float *x,
                                            float *y);

/**
 * Accumulates the gradient by a stored mask, as in dropmask_channels_apply_f32: dx += bit ? dy * scale : +0.0.
 *
 * mask: dropmask_mask_words(first + (samples - 1) * index_stride + channels) words. dy, dx: samples * channels *
 * positions floats.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
 */
dropmask_status dropmask_channels_apply_add_f32(const uint64_t *mask,
                                                uint64_t first,
                                                float scale,
                                                uint32_t layout,
                                                size_t samples,
                                                size_t channels,
                                                size_t positions,
                                                uint64_t index_stride,
                                                const float *dy,
                                                float *dx);

/**
 * Spatial dropout by a stored mask before a residual sum, as in dropmask_channels_apply_f32: y = r + (bit ? x * scale
 * : +0.0).
 *
 * mask: dropmask_mask_words(first + (samples - 1) * index_stride + channels) words. x, r, y: samples * channels *
 * positions floats; y may be equal to x.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
 */
dropmask_status dropmask_channels_apply_residual_f32(const uint64_t *mask,
                                                     uint64_t first,
                                                     float scale,
                                                     uint32_t layout,
                                                     size_t samples,
                                                     size_t channels,
                                                     size_t positions,
                                                     uint64_t index_stride,
                                                     const float *x,
                                                     const float *r,
                                                     float *y);

/**
 * DropPath (stochastic depth), one bit for each sample of len elements: y = kept(offset + n) ? x * scale : +0.0 for
 * all elements of sample n, where the scale is 1 unless scaling is DROPMASK_INVERTED; DROPMASK_NAIVE is what others
 * call scale_by_keep = false. If mask is not NULL, it is stored with bit n for sample n. Evaluation is
 * dropmask_evaluate_f32.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, y: samples * len floats; y may be equal to x. mask: dropmask_mask_words(samples) words, or NULL.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION.
 */
dropmask_status dropmask_path_forward_f32(uint64_t key,
                                          float p,
                                          uint64_t offset,
                                          uint32_t scaling,
                                          size_t samples,
                                          size_t len,
                                          const float *x,
                                          float *y,
                                          uint64_t *mask);

/**
 * DropPath before a residual sum, as in dropmask_path_forward_f32: y = r + (kept ? x * scale : +0.0).
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, r, y: samples * len floats; y may be equal to x.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION.
 */
dropmask_status dropmask_path_forward_residual_f32(uint64_t key,
                                                   float p,
                                                   uint64_t offset,
                                                   uint32_t scaling,
                                                   size_t samples,
                                                   size_t len,
                                                   const float *x,
                                                   const float *r,
                                                   float *y);

/**
 * DropPath added to a residual, as in dropmask_path_forward_f32: r += kept ? x * scale : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, r: samples * len floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION.
 */
dropmask_status dropmask_path_forward_add_f32(uint64_t key,
                                              float p,
                                              uint64_t offset,
                                              uint32_t scaling,
                                              size_t samples,
                                              size_t len,
                                              const float *x,
                                              float *r);

/**
 * The gradient of dropmask_path_forward_f32: dx = kept ? dy * scale : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * dy, dx: samples * len floats; dx may be equal to dy.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION.
 */
dropmask_status dropmask_path_backward_f32(uint64_t key,
                                           float p,
                                           uint64_t offset,
                                           uint32_t scaling,
                                           size_t samples,
                                           size_t len,
                                           const float *dy,
                                           float *dx);

/**
 * Accumulates the gradient of dropmask_path_forward_f32: dx += kept ? dy * scale : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * dy, dx: samples * len floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION.
 */
dropmask_status dropmask_path_backward_add_f32(uint64_t key,
                                               float p,
                                               uint64_t offset,
                                               uint32_t scaling,
                                               size_t samples,
                                               size_t len,
                                               const float *dy,
                                               float *dx);

/**
 * Embedding dropout, one bit for each word of the vocabulary, so that a word is dropped wherever it occurs: y[t] =
 * kept(offset + ids[t]) ? table[ids[t]] * scale : +0.0 for the dimension elements of each of count positions, where
 * the scale is 1 unless scaling is DROPMASK_INVERTED. Each id is below vocabulary. Where rows are shorter than about
 * a thousand elements, it is faster to draw the mask of the vocabulary once by dropmask_fill, and to use
 * dropmask_embedding_apply_lookup_f32.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * ids: count uint32_t. table: vocabulary * dimension floats. y: count * dimension floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION, UNKNOWN_TOKEN.
 */
dropmask_status dropmask_embedding_lookup_f32(uint64_t key,
                                              float p,
                                              uint64_t offset,
                                              uint32_t scaling,
                                              size_t vocabulary,
                                              size_t dimension,
                                              size_t count,
                                              const uint32_t *ids,
                                              const float *table,
                                              float *y);

/**
 * dropmask_embedding_lookup_f32 of rows that are already looked up: y[t] = kept(offset + ids[t]) ? x[t] * scale :
 * +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * ids: count uint32_t. x, y: count * dimension floats; y may be equal to x.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION, UNKNOWN_TOKEN.
 */
dropmask_status dropmask_embedding_forward_f32(uint64_t key,
                                               float p,
                                               uint64_t offset,
                                               uint32_t scaling,
                                               size_t vocabulary,
                                               size_t dimension,
                                               size_t count,
                                               const uint32_t *ids,
                                               const float *x,
                                               float *y);

/**
 * The gradient of dropmask_embedding_forward_f32: dx[t] = kept(offset + ids[t]) ? dy[t] * scale : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * ids: count uint32_t. dy, dx: count * dimension floats; dx may be equal to dy.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION, UNKNOWN_TOKEN.
 */
dropmask_status dropmask_embedding_backward_f32(uint64_t key,
                                                float p,
                                                uint64_t offset,
                                                uint32_t scaling,
                                                size_t vocabulary,
                                                size_t dimension,
                                                size_t count,
                                                const uint32_t *ids,
                                                const float *dy,
                                                float *dx);

/**
 * Accumulates the gradient of the table: dtable[ids[t]] += kept(offset + ids[t]) ? dy[t] * scale : +0.0, for t
 * ascending.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * ids: count uint32_t. dy: count * dimension floats. dtable: vocabulary * dimension floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION, UNKNOWN_TOKEN.
 */
dropmask_status dropmask_embedding_backward_table_f32(uint64_t key,
                                                      float p,
                                                      uint64_t offset,
                                                      uint32_t scaling,
                                                      size_t vocabulary,
                                                      size_t dimension,
                                                      size_t count,
                                                      const uint32_t *ids,
                                                      const float *dy,
                                                      float *dtable);

/**
 * dropmask_embedding_lookup_f32 by a stored mask with one bit for each word: y[t] = (bit ids[t] of mask) ?
 * table[ids[t]] * scale : +0.0.
 *
 * mask: dropmask_mask_words(vocabulary) words. ids: count uint32_t. table: vocabulary * dimension floats. y: count *
 * dimension floats.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, UNKNOWN_TOKEN.
 */
dropmask_status dropmask_embedding_apply_lookup_f32(const uint64_t *mask,
                                                    float scale,
                                                    size_t vocabulary,
                                                    size_t dimension,
                                                    size_t count,
                                                    const uint32_t *ids,
                                                    const float *table,
                                                    float *y);

/**
 * Embedding dropout by a stored mask with one bit for each word, in either pass, of rows that are already looked up:
 * y[t] = (bit ids[t] of mask) ? x[t] * scale : +0.0.
 *
 * mask: dropmask_mask_words(vocabulary) words. ids: count uint32_t. x, y: count * dimension floats; y may be equal to
 * x.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, UNKNOWN_TOKEN.
 */
dropmask_status dropmask_embedding_apply_f32(const uint64_t *mask,
                                             float scale,
                                             size_t vocabulary,
                                             size_t dimension,
                                             size_t count,
                                             const uint32_t *ids,
                                             const float *x,
                                             float *y);

/**
 * Accumulates the gradient of the table by a stored mask with one bit for each word: dtable[ids[t]] += (bit ids[t] of
 * mask) ? dy[t] * scale : +0.0, for t ascending.
 *
 * mask: dropmask_mask_words(vocabulary) words. ids: count uint32_t. dy: count * dimension floats. dtable:
 * vocabulary * dimension floats.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, UNKNOWN_TOKEN.
 */
dropmask_status dropmask_embedding_apply_table_f32(const uint64_t *mask,
                                                   float scale,
                                                   size_t vocabulary,
                                                   size_t dimension,
                                                   size_t count,
                                                   const uint32_t *ids,
                                                   const float *dy,
                                                   float *dtable);

/**
 * Attention dropout: weights = dropout(softmax(scores)), the softmax over each row of keys elements. Weight j of
 * query i of matrix m (a head of a sample) is at (m * queries + i) * keys + j, and its bit has the index offset +
 * that. A kept weight is multiplied by the scale, 1 unless scaling is DROPMASK_INVERTED.
 *
 * Query i sees the keys 0 ... past + i, as many as there are: past is 0 where a sequence attends to itself, keys -
 * queries where the queries are the last of it, DROPMASK_NOT_CAUSAL where every query sees every key, as it does from
 * keys on. It may be negative: a query that sees nothing has weights of 0. (Subtract as ptrdiff_t: a 32-bit number
 * that wrapped is no fault to see.) What a query does not see is not read, and +0.0 in the weights.
 * renormalise is 0, or 1 for the softmax of the kept scores alone, which then has no scale.
 *
 * A score of -inf has weight 0; a row of nothing but -inf is 0. A NaN makes all kept weights of its row NaN that are
 * not 0, +inf its own alone. Bits drawn at p = 1, or a scale of 0, make all +0.0, whatever the scores are.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * mask: NULL for bits that are drawn; else one bit for each weight, in as many words as dropmask_mask_words says, and key
 * and offset have no say.
 * scores, weights: matrices * queries * keys floats; weights may be equal to scores.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION.
 */
dropmask_status dropmask_attention_forward_f32(uint64_t key,
                                               float p,
                                               uint64_t offset,
                                               uint32_t scaling,
                                               size_t matrices,
                                               size_t queries,
                                               size_t keys,
                                               ptrdiff_t past,
                                               uint32_t renormalise,
                                               const uint64_t *mask,
                                               const float *scores,
                                               float *weights);

/**
 * The gradient of dropmask_attention_forward_f32 for the scores, from the scores and the gradient dy of the weights:
 * dscores = P * (dP - D), where P = softmax(scores), dP = kept ? dy * scale : +0.0, and D is the sum of P * dP over
 * the row. Where P is 0, dscores is +0.0 and D has no term, whatever dy is. Bits drawn at p = 1, or a scale of 0, make
 * all +0.0, whatever scores and dy are.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * mask: NULL for bits that are drawn; else as in forward. scores, dy, dscores: matrices * queries * keys floats;
 * dscores may be equal to scores.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION.
 */
dropmask_status dropmask_attention_backward_f32(uint64_t key,
                                                float p,
                                                uint64_t offset,
                                                uint32_t scaling,
                                                size_t matrices,
                                                size_t queries,
                                                size_t keys,
                                                ptrdiff_t past,
                                                uint32_t renormalise,
                                                const uint64_t *mask,
                                                const float *scores,
                                                const float *dy,
                                                float *dscores);

/**
 * What the network computes when it is not trained: weights = softmax(scores), with DROPMASK_STANDARD times keep
 * unless renormalise is 1; if that is 0, at p = 1, they are +0.0 whatever the scores are.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * scores, weights: matrices * queries * keys floats; weights may be equal to scores.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP,
 * INVALID_OPTION.
 */
dropmask_status dropmask_attention_evaluate_f32(float p,
                                                uint32_t scaling,
                                                size_t matrices,
                                                size_t queries,
                                                size_t keys,
                                                ptrdiff_t past,
                                                uint32_t renormalise,
                                                const float *scores,
                                                float *weights);

/**
 * DropConnect: y[n][o] = scale * (sum over i of kept ? w[o][i] * x[n][i] : +0.0) + b[o], a linear layer whose weights
 * are dropped; scale is 1 unless scaling is DROPMASK_INVERTED. A dropped connection adds nothing, whatever w and x
 * are. The sum is that of pieces of 1024 inputs, each in 16 accumulators.
 *
 * The bit of weight (o, i) has the index offset + o * index_stride + i; index_stride is inputs, or the number of all
 * inputs where w is a shard of columns. per_sample is 0 for one mask for the batch, or 1 for a mask of each sample:
 * that of sample n comes from dropmask_key_derive(key, first_sample + n). Where mask is not NULL, bits are read and
 * not drawn: bit o * inputs + i, with per_sample of batch masks one after the other; offset, index_stride and
 * first_sample have no say then. Where nothing is kept (bits that are drawn with p = 1, or a scale of 0), y is b
 * exactly, +0.0 without b.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * mask: NULL for bits that are drawn; else outputs * inputs bits, with per_sample batch times as many, in as many words
 * as dropmask_mask_words says. w: outputs * inputs floats. b: outputs floats, or NULL. x: batch * inputs floats. y:
 * batch * outputs floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION.
 */
dropmask_status dropmask_connect_forward_f32(uint64_t key,
                                             float p,
                                             uint64_t offset,
                                             uint32_t scaling,
                                             size_t batch,
                                             size_t inputs,
                                             size_t outputs,
                                             uint64_t index_stride,
                                             uint32_t per_sample,
                                             uint64_t first_sample,
                                             const uint64_t *mask,
                                             const float *w,
                                             const float *b,
                                             const float *x,
                                             float *y);

/**
 * The gradient of dropmask_connect_forward_f32 for its inputs: dx[n][i] = sum over o, ascending, of kept ? w[o][i] *
 * (dy[n][o] * scale) : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * mask: NULL for bits that are drawn; else as in forward. w: outputs * inputs floats. dy: batch * outputs floats. dx:
 * batch * inputs floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION.
 */
dropmask_status dropmask_connect_backward_input_f32(uint64_t key,
                                                    float p,
                                                    uint64_t offset,
                                                    uint32_t scaling,
                                                    size_t batch,
                                                    size_t inputs,
                                                    size_t outputs,
                                                    uint64_t index_stride,
                                                    uint32_t per_sample,
                                                    uint64_t first_sample,
                                                    const uint64_t *mask,
                                                    const float *w,
                                                    const float *dy,
                                                    float *dx);

/**
 * The gradient of dropmask_connect_forward_f32 for its weights: dw[o][i] = sum over n, ascending and where kept, of
 * (dy[n][o] * scale) * x[n][i]; +0.0 if it is never kept.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * mask: NULL for bits that are drawn; else as in forward. x: batch * inputs floats. dy: batch * outputs floats. dw:
 * outputs * inputs floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION.
 */
dropmask_status dropmask_connect_backward_weights_f32(uint64_t key,
                                                      float p,
                                                      uint64_t offset,
                                                      uint32_t scaling,
                                                      size_t batch,
                                                      size_t inputs,
                                                      size_t outputs,
                                                      uint64_t index_stride,
                                                      uint32_t per_sample,
                                                      uint64_t first_sample,
                                                      const uint64_t *mask,
                                                      const float *x,
                                                      const float *dy,
                                                      float *dw);

/**
 * dropmask_connect_backward_weights_f32 that adds to dw, sample by sample. What is never kept stays as it is.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * mask: NULL for bits that are drawn; else as in forward. x: batch * inputs floats. dy: batch * outputs floats. dw:
 * outputs * inputs floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION.
 */
dropmask_status dropmask_connect_backward_weights_add_f32(uint64_t key,
                                                          float p,
                                                          uint64_t offset,
                                                          uint32_t scaling,
                                                          size_t batch,
                                                          size_t inputs,
                                                          size_t outputs,
                                                          uint64_t index_stride,
                                                          uint32_t per_sample,
                                                          uint64_t first_sample,
                                                          const uint64_t *mask,
                                                          const float *x,
                                                          const float *dy,
                                                          float *dw);

/**
 * The gradient of dropmask_connect_forward_f32 for b: db[o] = sum over n of dy[n][o], n ascending. No mask has a say.
 *
 * dy: batch * outputs floats. db: outputs floats.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_connect_backward_bias_f32(size_t batch, size_t outputs, const float *dy, float *db);

/**
 * What the network computes when it is not trained, the mean: y[n][o] = factor * (sum over i of w[o][i] * x[n][i]) +
 * b[o]; the factor is 1, with DROPMASK_STANDARD keep. Where it is 0 (p = 1), y is b exactly, +0.0 without b, whatever w
 * and x are.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * w: outputs * inputs floats. b: outputs floats, or NULL. x: batch * inputs floats. y: batch * outputs floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_OPTION.
 */
dropmask_status dropmask_connect_evaluate_f32(float p,
                                              uint32_t scaling,
                                              size_t batch,
                                              size_t inputs,
                                              size_t outputs,
                                              const float *w,
                                              const float *b,
                                              const float *x,
                                              float *y);

/**
 * Mean and variance of y of dropmask_connect_forward_f32 over all masks, for inference by moment matching. With q the
 * keep probability, mean = q * W x + b and variance = q * (1 - q) * (W . W)(x . x); with DROPMASK_INVERTED, W x + b
 * and (1 - q) / q * (W . W)(x . x), or b and 0 where q is 0. Where the factor of either is 0, the mean is b exactly and
 * the variance +0.0, whatever w and x are.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * w: outputs * inputs floats. b: outputs floats, or NULL. x: batch * inputs floats. mean, variance: batch * outputs
 * floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_OPTION.
 */
dropmask_status dropmask_connect_moments_f32(float p,
                                             uint32_t scaling,
                                             size_t batch,
                                             size_t inputs,
                                             size_t outputs,
                                             const float *w,
                                             const float *b,
                                             const float *x,
                                             float *mean,
                                             float *variance);

/**
 * A bias and dropout in one pass: y = kept(index) ? (x + b[c]) * scale : +0.0 of element c of each row; rows and
 * scaling as in dropmask_rows_forward_f32. x + b is rounded to float before it is multiplied.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, y: (rows - 1) * stride + columns floats; y may be equal to x. b: columns floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION.
 */
dropmask_status dropmask_bias_forward_f32(uint64_t key,
                                          float p,
                                          uint64_t offset,
                                          uint32_t scaling,
                                          size_t rows,
                                          size_t columns,
                                          size_t stride,
                                          uint64_t index_stride,
                                          const float *x,
                                          const float *b,
                                          float *y);

/**
 * dropmask_bias_forward_f32 before a residual sum: y = r + (kept(index) ? (x + b[c]) * scale : +0.0).
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, r, y: (rows - 1) * stride + columns floats; y may be equal to x. b: columns floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION.
 */
dropmask_status dropmask_bias_forward_residual_f32(uint64_t key,
                                                   float p,
                                                   uint64_t offset,
                                                   uint32_t scaling,
                                                   size_t rows,
                                                   size_t columns,
                                                   size_t stride,
                                                   uint64_t index_stride,
                                                   const float *x,
                                                   const float *b,
                                                   const float *r,
                                                   float *y);

/**
 * dropmask_bias_forward_f32 added to a residual: r += kept(index) ? (x + b[c]) * scale : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, r: (rows - 1) * stride + columns floats. b: columns floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION.
 */
dropmask_status dropmask_bias_forward_add_f32(uint64_t key,
                                              float p,
                                              uint64_t offset,
                                              uint32_t scaling,
                                              size_t rows,
                                              size_t columns,
                                              size_t stride,
                                              uint64_t index_stride,
                                              const float *x,
                                              const float *b,
                                              float *r);

/**
 * Both gradients of dropmask_bias_forward_f32 and its relatives: dx = kept(index) ? dy * scale : +0.0, and db[c] =
 * 0.0 + dx of row 0 + dx of row 1 + ..., in float and in this order. That of r is dy.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * dy, dx: (rows - 1) * stride + columns floats; dx may be equal to dy. db: columns floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION.
 */
dropmask_status dropmask_bias_backward_f32(uint64_t key,
                                           float p,
                                           uint64_t offset,
                                           uint32_t scaling,
                                           size_t rows,
                                           size_t columns,
                                           size_t stride,
                                           uint64_t index_stride,
                                           const float *dy,
                                           float *dx,
                                           float *db);

/**
 * Accumulates both gradients of dropmask_bias_forward_f32 and its relatives: each row is added to db, in ascending
 * order, and to dx.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * dy, dx: (rows - 1) * stride + columns floats. db: columns floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION.
 */
dropmask_status dropmask_bias_backward_add_f32(uint64_t key,
                                               float p,
                                               uint64_t offset,
                                               uint32_t scaling,
                                               size_t rows,
                                               size_t columns,
                                               size_t stride,
                                               uint64_t index_stride,
                                               const float *dy,
                                               float *dx,
                                               float *db);

/**
 * What the network computes when it is not trained: y = x + b[c], with DROPMASK_STANDARD y = (x + b[c]) * keep; where
 * keep is 0 (p = 1), y = +0.0 whatever x and b are.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, y: (rows - 1) * stride + columns floats; y may be equal to x. b: columns floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
 */
dropmask_status dropmask_bias_evaluate_f32(float p,
                                           uint32_t scaling,
                                           size_t rows,
                                           size_t columns,
                                           size_t stride,
                                           const float *x,
                                           const float *b,
                                           float *y);

/**
 * dropmask_bias_evaluate_f32 before a residual sum: y = r + (x + b[c]), with DROPMASK_STANDARD y = r + (x + b[c]) *
 * keep; where keep is 0, y = r + 0.0 whatever x and b are.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, r, y: (rows - 1) * stride + columns floats; y may be equal to x. b: columns floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
 */
dropmask_status dropmask_bias_evaluate_residual_f32(float p,
                                                    uint32_t scaling,
                                                    size_t rows,
                                                    size_t columns,
                                                    size_t stride,
                                                    const float *x,
                                                    const float *b,
                                                    const float *r,
                                                    float *y);

/**
 * relu and dropout in one pass, with one stored bit an element that serves both gradients: y = kept(index) ?
 * relu(x) * scale : +0.0, and the bit of an element is whether it is kept and x > 0. Rows and scaling as in
 * dropmask_rows_forward_f32; bit r * columns + c of mask is that of element c of row r, with any index_stride: no two
 * elements share one. relu(-0.0) is +0.0; relu(NaN) is NaN, and its bit 0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, y: (rows - 1) * stride + columns floats; y may be equal to x. mask: dropmask_mask_words(rows * columns) words.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION.
 */
dropmask_status dropmask_relu_forward_f32(uint64_t key,
                                          float p,
                                          uint64_t offset,
                                          uint32_t scaling,
                                          size_t rows,
                                          size_t columns,
                                          size_t stride,
                                          uint64_t index_stride,
                                          const float *x,
                                          float *y,
                                          uint64_t *mask);

/**
 * The gradient of dropmask_relu_forward_f32, by the mask that it stored: dx = bit ? dy * scale : +0.0; where scale is
 * 0, +0.0 throughout.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * mask: dropmask_mask_words(rows * columns) words. dy, dx: (rows - 1) * stride + columns floats; dx may be equal to
 * dy.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
 */
dropmask_status dropmask_relu_backward_f32(float p,
                                           uint32_t scaling,
                                           size_t rows,
                                           size_t columns,
                                           size_t stride,
                                           const uint64_t *mask,
                                           const float *dy,
                                           float *dx);

/**
 * Accumulates the gradient of dropmask_relu_forward_f32: dx += bit ? dy * scale : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * mask: dropmask_mask_words(rows * columns) words. dy, dx: (rows - 1) * stride + columns floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
 */
dropmask_status dropmask_relu_backward_add_f32(float p,
                                               uint32_t scaling,
                                               size_t rows,
                                               size_t columns,
                                               size_t stride,
                                               const uint64_t *mask,
                                               const float *dy,
                                               float *dx);

/**
 * What the network computes when it is not trained: y = relu(x), with DROPMASK_STANDARD y = relu(x) * keep; where keep
 * is 0 (p = 1), y = +0.0 whatever x is.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, y: (rows - 1) * stride + columns floats; y may be equal to x.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION.
 */
dropmask_status dropmask_relu_evaluate_f32(float p,
                                           uint32_t scaling,
                                           size_t rows,
                                           size_t columns,
                                           size_t stride,
                                           const float *x,
                                           float *y);

/**
 * Cutout, holes in images of shape (samples, channels, height, width): y = +0.0 inside the boxes of a sample, in all
 * its channels, else x. Box k of sample n, counted from first_sample, has its centre at row dropmask_key_below(k_n,
 * 2 * k, height) and column dropmask_key_below(k_n, 2 * k + 1, width) with k_n = dropmask_key_derive(key, n), begins
 * box_height / 2 rows and box_width / 2 columns before it, and is cut off at the border. Nothing is rescaled;
 * evaluation is the identity.
 *
 * x, y: samples * channels * height * width floats; y may be equal to x.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW.
 */
dropmask_status dropmask_cutout_forward_f32(uint64_t key,
                                            uint64_t first_sample,
                                            size_t samples,
                                            size_t channels,
                                            size_t height,
                                            size_t width,
                                            size_t box_height,
                                            size_t box_width,
                                            uint32_t boxes,
                                            const float *x,
                                            float *y);

/**
 * The gradient of dropmask_cutout_forward_f32: dx = +0.0 inside the boxes, else dy.
 *
 * dy, dx: samples * channels * height * width floats; dx may be equal to dy.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW.
 */
dropmask_status dropmask_cutout_backward_f32(uint64_t key,
                                             uint64_t first_sample,
                                             size_t samples,
                                             size_t channels,
                                             size_t height,
                                             size_t width,
                                             size_t box_height,
                                             size_t box_width,
                                             uint32_t boxes,
                                             const float *dy,
                                             float *dx);

/**
 * The boxes that dropmask_cutout_forward_f32 cuts out of a sample: for each its first row, the row after its last,
 * its first column, the column after its last. For what goes with an image and is not of floats.
 *
 * bounds: 4 * boxes size_t.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED.
 */
dropmask_status dropmask_cutout_boxes(uint64_t key,
                                      uint64_t sample,
                                      size_t height,
                                      size_t width,
                                      size_t box_height,
                                      size_t box_width,
                                      uint32_t boxes,
                                      size_t *bounds);

/**
 * The drop probability of a seed of DropBlock, as a threshold: a seed is kept with probability threshold / 2^32. It
 * is p * (H * W) / (b * b * (H - b + 1) * (W - b + 1)) in double, at most 1.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * threshold: one uint64_t.
 * Status: OK, INVALID_PROBABILITY, NULL_POINTER, MISALIGNED, INVALID_SHAPE, INVALID_BLOCK.
 */
dropmask_status dropmask_dropblock_gamma(float p, size_t height, size_t width, size_t block, uint64_t *threshold);

/**
 * The number of seeds of DropBlock, samples * channels * (height - block + 1) * (width - block + 1): how many indices
 * it uses. A shard of whole maps has the offset of the number of seeds before it.
 *
 * seeds: one uint64_t.
 * Status: OK, NULL_POINTER, MISALIGNED, INVALID_SHAPE, INVALID_BLOCK.
 */
dropmask_status dropmask_dropblock_seeds(size_t samples,
                                         size_t channels,
                                         size_t height,
                                         size_t width,
                                         size_t block,
                                         uint64_t *seeds);

/**
 * The mask of DropBlock on feature maps of shape (samples, channels, height, width): each place (n, c, k, l) where a
 * block of block x block elements fits is a seed, named by its top left corner, with the bit of index offset + ((n *
 * channels + c) * (height - block + 1) + k) * (width - block + 1) + l, and dropped with the probability of
 * dropmask_dropblock_gamma; then its whole block is. Bit j of mask is 1 where element j is kept.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * mask: dropmask_mask_words(samples * channels * height * width) words. kept: one uint64_t, the number of kept
 * elements.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_BLOCK.
 */
dropmask_status dropmask_dropblock_fill(uint64_t key,
                                        float p,
                                        uint64_t offset,
                                        size_t samples,
                                        size_t channels,
                                        size_t height,
                                        size_t width,
                                        size_t block,
                                        uint64_t *mask,
                                        uint64_t *kept);

/**
 * DropBlock: draws the mask as dropmask_dropblock_fill does, then y = kept ? x * (total / kept) : +0.0, of total
 * elements. Evaluation is the identity.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, y: samples * channels * height * width floats; y may be equal to x. mask: dropmask_mask_words(samples *
 * channels * height * width) words. kept: one uint64_t, the number of kept elements.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_BLOCK.
 */
dropmask_status dropmask_dropblock_forward_f32(uint64_t key,
                                               float p,
                                               uint64_t offset,
                                               size_t samples,
                                               size_t channels,
                                               size_t height,
                                               size_t width,
                                               size_t block,
                                               const float *x,
                                               float *y,
                                               uint64_t *mask,
                                               uint64_t *kept);

/**
 * The gradient of dropmask_dropblock_forward_f32, by its mask and count: dx = (bit i of mask) ? dy * (len / kept) :
 * +0.0 of len = samples * channels * height * width elements, +0.0 throughout if kept is 0. Shards that share a factor
 * use dropmask_apply_f32 with the scale of dropmask_dropblock_scale instead.
 *
 * mask: dropmask_mask_words(len) words. dy, dx: len floats; dx may be equal to dy.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_dropblock_backward_f32(uint64_t kept,
                                                const uint64_t *mask,
                                                const float *dy,
                                                float *dx,
                                                size_t len);

/**
 * The factor of DropBlock that makes up for what is dropped, total / kept; 0 if nothing is kept. Of shards, pass the
 * sums of their counts.
 */
float dropmask_dropblock_scale(uint64_t kept, uint64_t total);

/**
 * Alpha dropout, for networks with SELU activations: y = kept(index) ? x * a + b : d. With q = T / 2^32 the keep
 * probability and alpha = -1.7580993408473766, a = (q + alpha^2 * q * (1 - q))^(-1/2), b = -a * alpha * (1 - q), d =
 * alpha * a * q, each computed in double and rounded once; +0.0 throughout with p = 1. Rows as in
 * dropmask_rows_forward_f32. Evaluation is the identity.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, y: (rows - 1) * stride + columns floats; y may be equal to x.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE.
 */
dropmask_status dropmask_alpha_forward_f32(uint64_t key,
                                           float p,
                                           uint64_t offset,
                                           size_t rows,
                                           size_t columns,
                                           size_t stride,
                                           uint64_t index_stride,
                                           const float *x,
                                           float *y);

/**
 * The gradient of dropmask_alpha_forward_f32: dx = kept(index) ? dy * a : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * dy, dx: (rows - 1) * stride + columns floats; dx may be equal to dy.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE.
 */
dropmask_status dropmask_alpha_backward_f32(uint64_t key,
                                            float p,
                                            uint64_t offset,
                                            size_t rows,
                                            size_t columns,
                                            size_t stride,
                                            uint64_t index_stride,
                                            const float *dy,
                                            float *dx);

/**
 * Accumulates the gradient of dropmask_alpha_forward_f32: dx += kept(index) ? dy * a : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * dy, dx: (rows - 1) * stride + columns floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE.
 */
dropmask_status dropmask_alpha_backward_add_f32(uint64_t key,
                                                float p,
                                                uint64_t offset,
                                                size_t rows,
                                                size_t columns,
                                                size_t stride,
                                                uint64_t index_stride,
                                                const float *dy,
                                                float *dx);

/**
 * Feature-alpha dropout: dropmask_alpha_forward_f32 with one bit for a whole channel, of the shape of
 * dropmask_channels_forward_f32.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * x, y: samples * channels * positions floats; y may be equal to x.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION.
 */
dropmask_status dropmask_feature_alpha_forward_f32(uint64_t key,
                                                   float p,
                                                   uint64_t offset,
                                                   uint32_t layout,
                                                   size_t samples,
                                                   size_t channels,
                                                   size_t positions,
                                                   uint64_t index_stride,
                                                   const float *x,
                                                   float *y);

/**
 * The gradient of dropmask_feature_alpha_forward_f32: dx = kept ? dy * a : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * dy, dx: samples * channels * positions floats; dx may be equal to dy.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION.
 */
dropmask_status dropmask_feature_alpha_backward_f32(uint64_t key,
                                                    float p,
                                                    uint64_t offset,
                                                    uint32_t layout,
                                                    size_t samples,
                                                    size_t channels,
                                                    size_t positions,
                                                    uint64_t index_stride,
                                                    const float *dy,
                                                    float *dx);

/**
 * Accumulates the gradient of dropmask_feature_alpha_forward_f32: dx += kept ? dy * a : +0.0.
 *
 * p: a float; a double is rounded to it first, see the rules.
 * dy, dx: samples * channels * positions floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW,
 * INVALID_OPTION.
 */
dropmask_status dropmask_feature_alpha_backward_add_f32(uint64_t key,
                                                        float p,
                                                        uint64_t offset,
                                                        uint32_t layout,
                                                        size_t samples,
                                                        size_t channels,
                                                        size_t positions,
                                                        uint64_t index_stride,
                                                        const float *dy,
                                                        float *dx);

/**
 * Monte-Carlo dropout: takes the outputs y of one more pass into the mean and the sum of the squared distances from
 * it of each output, by Welford's method in double. passes is the number of passes taken before; if it is 0, mean and
 * squares are first set to 0, whatever they hold.
 *
 * A mask for the whole batch in pass t: dropmask_rows_forward_f32 with the key dropmask_key_derive(key, t) and an
 * index_stride of 0. One for each sample: each sample by itself with the key
 * dropmask_key_derive(dropmask_key_derive(key, t), sample).
 *
 * y: len floats. mean, squares: len doubles.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_moments_push_f32(uint64_t passes, const float *y, double *mean, double *squares, size_t len);

/**
 * The variance of each output over the passes: squares / passes; NaN if there were none, as 0 / 0 is.
 *
 * squares, variance: len doubles.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_moments_population_variance(uint64_t passes,
                                                     const double *squares,
                                                     double *variance,
                                                     size_t len);

/**
 * The unbiased estimate of the variance of each output: squares / (passes - 1); NaN if there were fewer than two
 * passes.
 *
 * squares, variance: len doubles.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_moments_sample_variance(uint64_t passes, const double *squares, double *variance, size_t len);

/**
 * Monte-Carlo dropout of a classifier: takes the class probabilities p of one more pass, one row of classes elements
 * a sample, into the mean of each and into the mean of the entropy -sum p ln p of each row (0 ln 0 = 0). passes is
 * the number of passes taken before; if it is 0, mean and entropy are first set to 0, whatever they hold.
 * Probabilities are not checked. One that is negative or NaN makes entropy and the mutual information of its row NaN,
 * whatever passes follow; the predictive entropy is NaN where the mean of a class is negative or NaN.
 *
 * p: samples * classes floats. mean: samples * classes doubles. entropy: samples doubles.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_classes_push_f32(uint64_t passes,
                                          size_t samples,
                                          size_t classes,
                                          const float *p,
                                          double *mean,
                                          double *entropy);

/**
 * The entropy of the mean of each row, in nats: all uncertainty.
 *
 * mean: samples * classes doubles, of dropmask_classes_push_f32. out: samples doubles.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_classes_predictive_entropy(size_t samples, size_t classes, const double *mean, double *out);

/**
 * The predictive entropy of each row less the mean of its entropies, at least 0: how much the passes disagree (BALD).
 * That mean, what would be left if the weights were known, is entropy itself.
 *
 * mean: samples * classes doubles, entropy: samples doubles, of dropmask_classes_push_f32. out: samples doubles.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_classes_mutual_information(size_t samples,
                                                    size_t classes,
                                                    const double *mean,
                                                    const double *entropy,
                                                    double *out);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* DROPMASK_H */
