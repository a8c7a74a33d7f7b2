/* dropmask: exact, replayable dropout for plain float arrays. Generated from src/ffi by cbindgen; not to be edited.
 *
 * A mask is a pure function of a key, a drop probability and the index of an element, so it need not be stored: backward
 * replays what forward drew, and any thread or chunk computes exactly its own part. kept(j) below is whether the element
 * of index j is kept.
 *
 * RULES FOR ALL FUNCTIONS
 *
 * - key comes from dropmask_key_new and dropmask_key_derive; p is the chance in [0, 1] that an element is dropped;
 *   offset is the index of the bit of the first element in the whole tensor; of a call, dropmask_call_index.
 * - A float p is rounded from a double first: 0.999 becomes 0.99900001287 and has the scale 1000.0129, not 1000;
 *   the scale of 0.9999 is off by 1.7e-4 of itself. dropmask_threshold takes a double.
 * - struct dropmask_call describes what most functions draw and for which elements; it is read as a whole before anything
 *   is written. Operands have strides of their own for its axes, one size_t for each, outermost first; NULL stands for those
 *   of dense elements. An output is one of the inputs, with the same strides, or overlaps none of them between first
 *   and last element; sorted by stride, each of its axes steps over all elements of those before it. An input may have a stride of 0.
 * - Arguments are, in this order: what is drawn, options, masks that are read, inputs, outputs, masks that are written, and
 *   then a length or accumulate.
 * - Where there is a residual r, y = r adds to what is in y. What has no residual adds with accumulate, which is 0 or 1.
 * - Lengths and strides count elements, not bytes. A mask has one bit for each element that shares none, packed in
 *   uint64_t words with the least significant bit first, 1 = keep.
 * - What is dropped becomes +0.0, also if it was a NaN or an infinity.
 * - What has a factor of 0, be it the scale or the keep of p = 1, is dropped and not multiplied.
 * - All levels and machines give the same bits, and any split of a range those of the whole, NaNs aside. A NaN is a NaN:
 *   unless it is copied, its sign and payload are unspecified, and may differ between levels and between two splits of a
 *   range.
 * - All buffers are the caller's, who sees to it that they are as long as is said and that no other thread uses them
 *   meanwhile, but for threads that read what is only read. What lies between the elements of an operand with strides is
 *   neither read nor written: threads may work on interleaved columns of one matrix.
 * - A buffer without elements is not looked at: its pointer may be anything. So may that of an input where no output has
 *   elements and there are no tokens to check. No other may be NULL unless it is said.
 * - Buffers that are only read may be equal, or overlap in any way. One that is written may equal one that is read where
 *   it is said, for work in place; any other overlap of it is DROPMASK_OVERLAP, but with the struct of a call and strides,
 *   which are read first.
 * - A status is returned. On any but DROPMASK_OK nothing has been written; of several faults the one of the lowest
 *   number is reported. The list of each function leaves out the DROPMASK_ of the names.
 * - Nothing allocates, panics or locks. There is no state but the SIMD level of the machine, which is looked up once:
 *   any number of threads may call any functions, each on its own buffers.
 * - The output of one mask may be computed in parts, each with the offset of its first bit; parts of one stored mask
 *   that start at multiples of 64 bits share no word.
 */


#ifndef DROPMASK_H
#define DROPMASK_H

#include <stddef.h>
#include <stdint.h>

#define DROPMASK_VERSION_MAJOR 0
#define DROPMASK_VERSION_MINOR 1
#define DROPMASK_VERSION_PATCH 0
#define DROPMASK_VERSION "0.1.0"
#define DROPMASK_MASK_STREAM_VERSION 1

/**
 * past of the attention functions: every query sees every key.
 */
#define DROPMASK_NOT_CAUSAL PTRDIFF_MAX


/**
 * Training: kept elements times dropmask_scale(p). Evaluation: the identity.
 */
#define DROPMASK_INVERTED 0

/**
 * Training: kept elements as they are. Evaluation: all elements times keep = threshold / 2^32, +0.0 whatever they are where
 * that is 0.
 */
#define DROPMASK_STANDARD 1

/**
 * Training: kept elements as they are. Evaluation: the identity, too large by 1 / (1 - p).
 */
#define DROPMASK_NAIVE 2

/**
 * What a call came to: 0 is success. On anything else nothing has been written.
 *
 * Of several faults, the one of the lowest number is reported.
 */
typedef uint32_t dropmask_status;

/**
 * What a call draws, and for which elements: up to four axes, outermost first.
 *
 * The element at [i, j, ...] has the bit of index offset + i * index[0] + j * index[1] + ...; an index of 0 shares one bit
 * along its axis. The functions dropmask_call_rows and the like make calls of the usual shapes, of no key and of a
 * threshold that is none. For a shard of a tensor, change the lengths of the call of the whole to those of the shard and
 * its offset by dropmask_call_index of the shard's first element: the indices of the axes stay.
 */
typedef struct dropmask_call {
  /**
   * sizeof(struct dropmask_call).
   */
  size_t size;
  /**
   * Of dropmask_key_new and dropmask_key_derive.
   */
  uint64_t key;
  /**
   * Of dropmask_threshold: an element is kept with probability threshold / 2^32.
   */
  uint64_t threshold;
  /**
   * The index of the first bit.
   */
  uint64_t offset;
  /**
   * DROPMASK_INVERTED, DROPMASK_STANDARD or DROPMASK_NAIVE.
   */
  uint32_t scaling;
  /**
   * How many axes there are, 1 to 4.
   */
  uint32_t axes;
  /**
   * Their lengths; of others 0.
   */
  size_t len[4];
  /**
   * How far the bits of neighbours along an axis are from each other; of others 0.
   */
  uint64_t index[4];
} dropmask_call;

/**
 * All is done.
 */
#define DROPMASK_OK 0

/**
 * The drop probability is NaN or outside [0, 1]; the threshold is above 2^32, as that of a call is before it is set.
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
 * Elements of an output overlap in memory, or a shape or its mask has more than SIZE_MAX elements; the latter, with 32-bit
 * pointers, also where a function does not list it.
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

/**
 * What describes a call is none: its size is not that of the struct or of a later one with zeros behind (4096 at most), it has
 * no axes or more than four, or lengths or indices of axes that it does not have. Nothing else is looked at then.
 */
#define DROPMASK_INVALID_CALL 11





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
 * The threshold of a drop probability, T = floor((1 - p) * 2^32 + 0.5) in double: an element is kept with a
 * probability of exactly T / 2^32. The functions with a float p take the threshold of that float.
 *
 * threshold: one uint64_t.
 * Status: OK, INVALID_PROBABILITY, NULL_POINTER, MISALIGNED.
 */
dropmask_status dropmask_threshold(double p, uint64_t *threshold);

/**
 * A sentence for a status, also for one that does not exist. Never NULL; the string is static.
 */
const char *dropmask_status_message(dropmask_status status);

/**
 * The version of the library; DROPMASK_VERSION is that of the header. Never NULL; the string is static.
 */
const char *dropmask_version(void);

/**
 * The version of the mask stream; DROPMASK_MASK_STREAM_VERSION is that of the header. Libraries of the same version draw the
 * same bit for a key, a threshold and an index, so that a mask need not be stored beside a checkpoint: its version is enough.
 */
uint32_t dropmask_mask_stream_version(void);

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
dropmask_status dropmask_mask_count_kept(const uint64_t *mask, uint64_t first, uint64_t *kept, size_t len);

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
 * Dropout by a stored mask, in either pass: y[i] = (bit i of mask) ? x[i] * scale : +0.0. A scale of 0, which is that
 * of p = 1, drops everything, here and in all that takes a stored mask.
 *
 * mask: dropmask_mask_words(len) words. x, y: len floats; y may be equal to x.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_apply_f32(const uint64_t *mask, float scale, const float *x, float *y, size_t len);

/**
 * A call over one row: element i has the bit of index offset + i.
 *
 * As all of these, its key is 0, its offset 0, its scaling DROPMASK_INVERTED, and its threshold none, which is to be set.
 */
struct dropmask_call dropmask_call_flat(size_t len);

/**
 * A call over a matrix, a bit for each element.
 */
struct dropmask_call dropmask_call_rows(size_t rows, size_t columns);

/**
 * A call over samples, channels and positions (L, H * W or D * H * W), one bit for a channel of a sample: spatial dropout.
 */
struct dropmask_call dropmask_call_channels_first(size_t samples,
                                                  size_t channels,
                                                  size_t positions);

/**
 * A call over samples, positions and channels, with the same bit for a channel as dropmask_call_channels_first.
 */
struct dropmask_call dropmask_call_channels_last(size_t samples, size_t positions, size_t channels);

/**
 * A call over samples of len elements, one bit for a sample: DropPath (stochastic depth). DROPMASK_NAIVE is what others
 * call scale_by_keep = false.
 */
struct dropmask_call dropmask_call_samples(size_t samples, size_t len);

/**
 * A call over up to four axes, with one bit along those that share: where noise_shape has a 1.
 *
 * axes: 1 to 4. len, shared: one of each for an axis, outermost first; shared is not 0 where it shares. With NULL or
 * another number of axes it is a call that every function refuses with DROPMASK_INVALID_CALL.
 */
struct dropmask_call dropmask_call_broadcast(uint32_t axes, const size_t *len, const uint8_t *shared);

/**
 * The index of an element of a call, less its offset, modulo 2^64.
 *
 * position: one number for each axis, outermost first. index: one uint64_t.
 * Status: OK, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_CALL.
 */
dropmask_status dropmask_call_index(const struct dropmask_call *call, const size_t *position, uint64_t *index);

/**
 * The number of bits of the mask that a call stores: those of its elements in the order of the axes, without the axes that
 * share one, packed without gaps.
 *
 * bits: one size_t.
 * Status: OK, NULL_POINTER, MISALIGNED, INVALID_SHAPE, INVALID_CALL.
 */
dropmask_status dropmask_call_mask_bits(const struct dropmask_call *call,
                                        size_t *bits);

/**
 * Draws the mask of a call: the bits of its elements in the order of the axes, without the axes that share one.
 *
 * mask: dropmask_mask_words of the bits that dropmask_call_mask_bits counts. The rest of the last word becomes 0.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION, INVALID_CALL.
 */
dropmask_status dropmask_dropout_fill(const struct dropmask_call *call, uint64_t *mask);

/**
 * The mask of dropmask_dropout_fill as bytes, 1 where an element is kept and 0 where it is dropped.
 *
 * kept: as many bytes as dropmask_call_mask_bits counts.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, INDEX_OVERFLOW, INVALID_OPTION,
 * INVALID_CALL.
 */
dropmask_status dropmask_dropout_fill_u8(const struct dropmask_call *call, uint8_t *kept);

/**
 * Dropout in training, forward or, of dy to dx, backward: y = r + (kept ? x * scale : +0.0), and without the sum where r
 * is NULL. The scale is that of the threshold, 1 unless scaling is DROPMASK_INVERTED. If mask is not NULL, it is stored as
 * dropmask_dropout_fill draws it. Where each sample has a threshold of its own, it has a call of its own: len[0] = 1, and the
 * offset plus n * index[0].
 *
 * x, r, y: the elements of the call, each at its strides; y may be equal to x, to r or to both. mask: as in
 * dropmask_dropout_fill, or NULL.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION, INVALID_CALL.
 */
dropmask_status dropmask_dropout_forward_f32(const struct dropmask_call *call,
                                             const float *x,
                                             const size_t *x_strides,
                                             const float *r,
                                             const size_t *r_strides,
                                             float *y,
                                             const size_t *y_strides,
                                             uint64_t *mask);

/**
 * dropmask_dropout_forward_f32, forward or backward, by the mask that it stored; key and offset are not used.
 *
 * mask: as in dropmask_dropout_fill. x, r, y: the elements of the call, each at its strides; y may be equal to x, to r or to
 * both.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION,
 * INVALID_CALL.
 */
dropmask_status dropmask_dropout_apply_f32(const struct dropmask_call *call,
                                           const uint64_t *mask,
                                           const float *x,
                                           const size_t *x_strides,
                                           const float *r,
                                           const size_t *r_strides,
                                           float *y,
                                           const size_t *y_strides);

/**
 * Dropout by a mask of others, forward or backward: y = r + (bit ? x * scale : +0.0), where the indices of the call are those
 * of the bits in the mask: offset + i * index[0] + j * index[1] + ... Its key, threshold and scaling are not used. A scale
 * of 0, which is that of p = 1, drops everything.
 *
 * mask: the words up to the last bit. x, r, y: the elements of the call, each at its strides; y may be equal to x, to r or
 * to both.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_CALL.
 */
dropmask_status dropmask_dropout_apply_bits_f32(const struct dropmask_call *call,
                                                const uint64_t *mask,
                                                float scale,
                                                const float *x,
                                                const size_t *x_strides,
                                                const float *r,
                                                const size_t *r_strides,
                                                float *y,
                                                const size_t *y_strides);

/**
 * What the network computes when it is not trained: y = r + x, without the sum where r is NULL. With DROPMASK_STANDARD x
 * counts as x * keep, keep = threshold / 2^32 as a float, or as +0.0 whatever it is where that is 0.
 *
 * x, r, y: the elements of the call, each at its strides; y may be equal to x, to r or to both.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION,
 * INVALID_CALL.
 */
dropmask_status dropmask_dropout_evaluate_f32(const struct dropmask_call *call,
                                              const float *x,
                                              const size_t *x_strides,
                                              const float *r,
                                              const size_t *r_strides,
                                              float *y,
                                              const size_t *y_strides);

/**
 * One of two values: y = kept ? a : b, bit for bit; the drop probability is the chance of b. Zoneout takes the new state for
 * a and the old one for b and y. The scaling is DROPMASK_INVERTED. Evaluation, y = a * keep + b * (1 - keep), are two calls of
 * dropmask_dropout_evaluate_f32 with DROPMASK_STANDARD, first of the input that y is equal to, if it is one: from a to y with
 * this threshold, and from b with 2^32 less it; the second adds to y, which is residual and output. With p = 0 it is a, with
 * p = 1 it is b, where the sum with 0 would turn -0.0 into +0.0.
 *
 * mask: NULL or as in dropmask_dropout_fill; key, threshold and offset are not used then. a, b, y: the elements of the call,
 * each at its strides; y may be equal to a, to b or to both.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION, INVALID_CALL.
 */
dropmask_status dropmask_select_forward_f32(const struct dropmask_call *call,
                                            const uint64_t *mask,
                                            const float *a,
                                            const size_t *a_strides,
                                            const float *b,
                                            const size_t *b_strides,
                                            float *y,
                                            const size_t *y_strides);

/**
 * The gradient of dropmask_select_forward_f32 to b: db = r + (kept ? +0.0 : dy), and without the sum where r is NULL. That to
 * a is dropmask_dropout_forward_f32 or dropmask_dropout_apply_f32 with DROPMASK_NAIVE.
 *
 * mask: as there. dy, r, db: the elements of the call, each at its strides; db may be equal to dy, to r or to both.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION, INVALID_CALL.
 */
dropmask_status dropmask_select_backward_b_f32(const struct dropmask_call *call,
                                               const uint64_t *mask,
                                               const float *dy,
                                               const size_t *dy_strides,
                                               const float *r,
                                               const size_t *r_strides,
                                               float *db,
                                               const size_t *db_strides);

/**
 * Embedding dropout, one bit for each word of the vocabulary, so that a word is dropped wherever it occurs: y[t] =
 * kept(offset + ids[t]) ? table[ids[t]] * scale : +0.0 for the elements of each of count positions. The call is that of
 * dropmask_call_samples(vocabulary, dimension). Each id is below vocabulary.
 *
 * Each position draws its bit, which costs as much as copying a thousand elements: where rows are shorter, draw the mask
 * of the vocabulary once by dropmask_dropout_fill, and pass it. Then key and offset are not used.
 *
 * mask: NULL or dropmask_mask_words(vocabulary) words. ids: count uint32_t. table: vocabulary * dimension floats. y: count *
 * dimension floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION,
 * UNKNOWN_TOKEN, INVALID_CALL.
 */
dropmask_status dropmask_embedding_lookup_f32(const struct dropmask_call *call,
                                              const uint64_t *mask,
                                              size_t count,
                                              const uint32_t *ids,
                                              const float *table,
                                              float *y);

/**
 * Embedding dropout, forward or, of dy to dx, backward, of rows that are already looked up: y[t] = kept(offset + ids[t]) ?
 * x[t] * scale : +0.0; with accumulate, 1 instead of 0, that is added to what is in y, which is not x then. The call is as in
 * dropmask_embedding_lookup_f32.
 *
 * mask: NULL or as there. ids: count uint32_t. x, y: count * dimension floats; y may be equal to x.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION,
 * UNKNOWN_TOKEN, INVALID_CALL.
 */
dropmask_status dropmask_embedding_forward_f32(const struct dropmask_call *call,
                                               const uint64_t *mask,
                                               size_t count,
                                               const uint32_t *ids,
                                               const float *x,
                                               float *y,
                                               uint32_t accumulate);

/**
 * Accumulates the gradient of the table: dtable[ids[t]] += kept(offset + ids[t]) ? dy[t] * scale : +0.0, for t ascending.
 * The call is as in dropmask_embedding_lookup_f32.
 *
 * mask: NULL or as there. ids: count uint32_t. dy: count * dimension floats. dtable: vocabulary * dimension floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION,
 * UNKNOWN_TOKEN, INVALID_CALL.
 */
dropmask_status dropmask_embedding_backward_table_f32(const struct dropmask_call *call,
                                                      const uint64_t *mask,
                                                      size_t count,
                                                      const uint32_t *ids,
                                                      const float *dy,
                                                      float *dtable);

/**
 * Attention dropout: weights = dropout(softmax(scores * factor + bias)), the softmax over each row of keys. The call is that
 * of dropmask_call_broadcast over samples, heads, queries and keys, the first of which may be left out, without shared axes;
 * index strides of the others but keys may be set: of a shard those of the whole, 0 for the same mask. A kept weight is
 * multiplied by the scale of the call, 1 unless its scaling is DROPMASK_INVERTED.
 *
 * Query q sees the keys 0 ... past + q: past is 0 where a sequence attends to itself, keys - queries where the queries are
 * the last of it, DROPMASK_NOT_CAUSAL where every query sees every key. It may be negative: a query that sees nothing has
 * weights of 0. (Subtract as ptrdiff_t: a 32-bit number that wrapped is no fault to see.) What a query does not see is not
 * read, and +0.0 in the weights. factor is 1 over the square root of the size of a head, or 1. bias is NULL or is added
 * to the scores (padding as -inf); bias_strides has three size_t, for samples, heads and queries whatever axes the
 * call has, 0 for the same bias; NULL stands for a dense one. renormalise is 0, or 1 for the softmax of the kept scores
 * alone, which then has no scale.
 *
 * A score of -inf has weight 0; a row of nothing but -inf is 0. A NaN makes all kept weights of its row NaN that are
 * not 0, +inf its own alone. Bits drawn at p = 1, or a scale of 0, make all +0.0, whatever the scores are.
 *
 * Where softmax is not NULL, the softmax before dropout is written there, for dropmask_attention_backward_softmax_f32.
 *
 * mask: NULL for bits that are drawn; else those that dropmask_dropout_fill draws, and key and offset are not used. scores,
 * weights, softmax: samples * heads * queries * keys floats; softmax may be equal to scores, and without one weights may.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION,
 * INVALID_CALL.
 */
dropmask_status dropmask_attention_forward_f32(const struct dropmask_call *call,
                                               ptrdiff_t past,
                                               float factor,
                                               const float *bias,
                                               const size_t *bias_strides,
                                               uint32_t renormalise,
                                               const uint64_t *mask,
                                               const float *scores,
                                               float *weights,
                                               float *softmax);

/**
 * The gradient of dropmask_attention_forward_f32 for the scores, from the scores and the gradient dy of the weights:
 * dscores = P * (dP - D) * factor, where P is the softmax, dP = kept ? dy * scale : +0.0, and D is the sum of P * dP over
 * the row. Where P is 0, dscores is +0.0 and D has no term, whatever dy is. Bits drawn at p = 1, or a scale of 0, make
 * all +0.0, whatever scores and dy are.
 *
 * mask: NULL for bits that are drawn; else as in forward. scores, dy, dscores: samples * heads * queries * keys floats;
 * dscores may be equal to scores.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION,
 * INVALID_CALL.
 */
dropmask_status dropmask_attention_backward_f32(const struct dropmask_call *call,
                                                ptrdiff_t past,
                                                float factor,
                                                const float *bias,
                                                const size_t *bias_strides,
                                                uint32_t renormalise,
                                                const uint64_t *mask,
                                                const float *scores,
                                                const float *dy,
                                                float *dscores);

/**
 * dropmask_attention_backward_f32 from the softmax that dropmask_attention_forward_f32 wrote, without computing it again.
 * With accumulate, 1 instead of 0, the gradient is added to what is in dscores, which is not softmax then.
 *
 * mask: NULL for bits that are drawn; else as in forward. softmax, dy, dscores: samples * heads * queries * keys floats;
 * dscores may be equal to softmax.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION,
 * INVALID_CALL.
 */
dropmask_status dropmask_attention_backward_softmax_f32(const struct dropmask_call *call,
                                                        ptrdiff_t past,
                                                        float factor,
                                                        uint32_t renormalise,
                                                        const uint64_t *mask,
                                                        const float *softmax,
                                                        const float *dy,
                                                        float *dscores,
                                                        uint32_t accumulate);

/**
 * What the network computes when it is not trained: weights = softmax(scores * factor + bias), with DROPMASK_STANDARD times
 * keep, and +0.0 whatever the scores are where that is 0; with renormalise, without keep.
 *
 * scores, weights: samples * heads * queries * keys floats; weights may be equal to scores.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_OPTION, INVALID_CALL.
 */
dropmask_status dropmask_attention_evaluate_f32(const struct dropmask_call *call,
                                                ptrdiff_t past,
                                                float factor,
                                                const float *bias,
                                                const size_t *bias_strides,
                                                uint32_t renormalise,
                                                const float *scores,
                                                float *weights);

/**
 * DropConnect: y[n][o] = scale * (sum over i of kept ? w[o][i] * x[n][i] : +0.0) + b[o], a linear layer whose weights
 * are dropped; scale is 1 unless scaling is DROPMASK_INVERTED. A dropped connection adds nothing, whatever w and x
 * are. The sum is that of pieces of 1024 inputs, each in 16 accumulators.
 *
 * The call is that of dropmask_call_rows(outputs, inputs), the shape of the weights; where w is a shard of columns, its
 * index[0] is the number of all inputs. per_sample is 0 for one mask for the batch, or 1 for a mask of each sample: that
 * of sample n comes from dropmask_key_derive(key, first_sample + n). Where mask is not NULL, bits are read and not drawn:
 * bit o * inputs + i, with per_sample of batch masks one after the other; key, offset, index and first_sample are not used
 * then. Where nothing is kept (bits that are drawn with p = 1, or a scale of 0), y is b exactly, +0.0 without b.
 *
 * mask: NULL for bits that are drawn; else outputs * inputs bits, with per_sample batch times as many, in as many words
 * as dropmask_mask_words says. w: outputs * inputs floats. b: outputs floats, or NULL. x: batch * inputs floats. y:
 * batch * outputs floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION,
 * INVALID_CALL.
 */
dropmask_status dropmask_connect_forward_f32(const struct dropmask_call *call,
                                             size_t batch,
                                             uint32_t per_sample,
                                             uint64_t first_sample,
                                             const uint64_t *mask,
                                             const float *w,
                                             const float *b,
                                             const float *x,
                                             float *y);

/**
 * The gradient of dropmask_connect_forward_f32 for its inputs: dx[n][i] = sum over o, ascending, of kept ? w[o][i] *
 * (dy[n][o] * scale) : +0.0; with accumulate, 1 instead of 0, added to what is in dx, output by output.
 *
 * mask: NULL for bits that are drawn; else as in forward. w: outputs * inputs floats. dy: batch * outputs floats. dx:
 * batch * inputs floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION,
 * INVALID_CALL.
 */
dropmask_status dropmask_connect_backward_input_f32(const struct dropmask_call *call,
                                                    size_t batch,
                                                    uint32_t per_sample,
                                                    uint64_t first_sample,
                                                    const uint64_t *mask,
                                                    const float *w,
                                                    const float *dy,
                                                    float *dx,
                                                    uint32_t accumulate);

/**
 * The gradient of dropmask_connect_forward_f32 for its weights: dw[o][i] = sum over n, ascending and where kept, of
 * (dy[n][o] * scale) * x[n][i]; +0.0 if it is never kept. With accumulate, 1 instead of 0, added to what is in dw, sample by
 * sample; what is never kept stays as it is.
 *
 * mask: NULL for bits that are drawn; else as in forward. x: batch * inputs floats. dy: batch * outputs floats. dw:
 * outputs * inputs floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION,
 * INVALID_CALL.
 */
dropmask_status dropmask_connect_backward_weights_f32(const struct dropmask_call *call,
                                                      size_t batch,
                                                      uint32_t per_sample,
                                                      uint64_t first_sample,
                                                      const uint64_t *mask,
                                                      const float *x,
                                                      const float *dy,
                                                      float *dw,
                                                      uint32_t accumulate);

/**
 * The gradient of dropmask_connect_forward_f32 for b: db[o] = sum over n of dy[n][o], n ascending, whatever is dropped.
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
 * w: outputs * inputs floats. b: outputs floats, or NULL. x: batch * inputs floats. y: batch * outputs floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_OPTION, INVALID_CALL.
 */
dropmask_status dropmask_connect_evaluate_f32(const struct dropmask_call *call,
                                              size_t batch,
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
 * w: outputs * inputs floats. b: outputs floats, or NULL. x: batch * inputs floats. mean, variance: batch * outputs
 * floats.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_OPTION, INVALID_CALL.
 */
dropmask_status dropmask_connect_moments_f32(const struct dropmask_call *call,
                                             size_t batch,
                                             const float *w,
                                             const float *b,
                                             const float *x,
                                             float *mean,
                                             float *variance);

/**
 * A bias, dropout and a residual sum in one pass: y = r + (kept ? (x + b) * scale : +0.0), and without the sum where r is
 * NULL. x + b is rounded before it is multiplied.
 *
 * x, r, y: the elements of the call, each at its strides; y may be equal to x, to r or to both. b: as many floats as the last
 * axis is long.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION, INVALID_CALL.
 */
dropmask_status dropmask_bias_forward_f32(const struct dropmask_call *call,
                                          const float *x,
                                          const size_t *x_strides,
                                          const float *b,
                                          const float *r,
                                          const size_t *r_strides,
                                          float *y,
                                          const size_t *y_strides);

/**
 * The gradients of dropmask_bias_forward_f32, its mask drawn again: dx = r + g with g = kept ? dy * scale : +0.0, and without
 * the sum where r is NULL; db is the sum of g over all axes but the last, in ascending order, from 0.0 on, or with accumulate,
 * 1 instead of 0, from what is in db. The gradient of the residual of the forward pass is dy.
 *
 * dy, r, dx: the elements of the call, each at its strides; dx may be equal to dy, to r or to both. db: as many floats as the
 * last axis is long.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION, INVALID_CALL.
 */
dropmask_status dropmask_bias_backward_f32(const struct dropmask_call *call,
                                           const float *dy,
                                           const size_t *dy_strides,
                                           const float *r,
                                           const size_t *r_strides,
                                           float *dx,
                                           const size_t *dx_strides,
                                           float *db,
                                           uint32_t accumulate);

/**
 * What the network computes when it is not trained: y = r + (x + b), without the first sum where r is NULL. With
 * DROPMASK_STANDARD x + b is multiplied by keep, and +0.0 whatever it is where that is 0.
 *
 * x, r, y: the elements of the call, each at its strides; y may be equal to x, to r or to both. b: as many floats as the last
 * axis is long.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION,
 * INVALID_CALL.
 */
dropmask_status dropmask_bias_evaluate_f32(const struct dropmask_call *call,
                                           const float *x,
                                           const size_t *x_strides,
                                           const float *b,
                                           const float *r,
                                           const size_t *r_strides,
                                           float *y,
                                           const size_t *y_strides);

/**
 * relu and then dropout in one pass: y = kept ? relu(x) * scale : +0.0. The bit that is stored is whether an element is kept
 * and greater than 0, and serves both gradients.
 *
 * Evaluation is relu, then dropmask_dropout_evaluate_f32. relu(-0.0) is +0.0; relu(NaN) is NaN, so a kept NaN stays one, but
 * its bit is 0.
 *
 * x, y: the elements of the call, each at its strides; y may be equal to x. mask: dropmask_mask_words(elements) words, a bit
 * for each element in the order of the axes, also along those that share one.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION, INVALID_CALL.
 */
dropmask_status dropmask_relu_forward_f32(const struct dropmask_call *call,
                                          const float *x,
                                          const size_t *x_strides,
                                          float *y,
                                          const size_t *y_strides,
                                          uint64_t *mask);

/**
 * The gradient of dropmask_relu_forward_f32 by its mask: dx = r + (bit ? dy * scale : +0.0), and without the sum where r is
 * NULL; key and offset are not used.
 *
 * mask: as there. dy, r, dx: the elements of the call, each at its strides; dx may be equal to dy, to r or to both.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION,
 * INVALID_CALL.
 */
dropmask_status dropmask_relu_backward_f32(const struct dropmask_call *call,
                                           const uint64_t *mask,
                                           const float *dy,
                                           const size_t *dy_strides,
                                           const float *r,
                                           const size_t *r_strides,
                                           float *dx,
                                           const size_t *dx_strides);

/**
 * Cutout, holes in images of shape (samples, channels, height, width): y = +0.0 inside the boxes of a sample, in all
 * its channels, else x. Box k of sample n, counted from first_sample, has its centre at row dropmask_key_below(k_n,
 * 2 * k, height) and column dropmask_key_below(k_n, 2 * k + 1, width) with k_n = dropmask_key_derive(key, n), begins
 * box_height / 2 rows and box_width / 2 columns before it, and is cut off at the border. Nothing is rescaled; evaluation
 * is the identity. Of dy to dx it is the gradient. With accumulate, 1 instead of 0, it is added to what is in y, which is
 * not x then.
 *
 * x, y: samples * channels * height * width floats; y may be equal to x.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_OPTION.
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
                                            float *y,
                                            uint32_t accumulate);

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
 * The drop probability of a seed of DropBlock, as a threshold: gamma = min(1, gamma_scale * p * (height * width) / (block^2 *
 * (height - block + 1) * (width - block + 1))), with p of the threshold of the call; and how many seeds there are, whose
 * bits follow each other in the stream.
 *
 * The call is that of dropmask_call_broadcast over samples, channels, height and width, without shared axes, or with
 * channels that share, for one mask for all channels of a sample. gamma_scale is 1 for the definition of the paper.
 *
 * threshold, seeds: one uint64_t each.
 * Status: OK, INVALID_PROBABILITY, NULL_POINTER, MISALIGNED, OVERLAP, INVALID_SHAPE, INVALID_OPTION, INVALID_BLOCK,
 * INVALID_CALL.
 */
dropmask_status dropmask_dropblock_gamma(const struct dropmask_call *call,
                                         size_t block,
                                         double gamma_scale,
                                         uint64_t *threshold,
                                         uint64_t *seeds);

/**
 * Draws the mask of DropBlock, and counts what it keeps: an element is kept if no seed that is dropped has it in its block
 * of block by block elements, of which the seed is the top left corner. Seed (k, l) of channel c of sample n has the bit of
 * index offset + ((n * channels + c) * (height - block + 1) + k) * (width - block + 1) + l, where channels share a mask that of
 * index offset + (n * (height - block + 1) + k) * (width - block + 1) + l. So a shard of whole maps has for its offset the
 * number of seeds before it, which dropmask_dropblock_gamma counts, and not what dropmask_call_index says. Call and gamma_scale
 * are as there.
 *
 * mask: NULL or dropmask_mask_words of the bits that dropmask_call_mask_bits counts. kept: one uint64_t, the number of kept
 * bits.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION, INVALID_BLOCK, INVALID_CALL.
 */
dropmask_status dropmask_dropblock_fill(const struct dropmask_call *call,
                                        size_t block,
                                        double gamma_scale,
                                        uint64_t *mask,
                                        uint64_t *kept);

/**
 * DropBlock: draws the mask as dropmask_dropblock_fill does, then y = kept ? x * (total / kept) : +0.0, total being the
 * number of its bits. Without a mask it is drawn twice, to count and to drop. Evaluation is the identity.
 *
 * x, y: samples * channels * height * width floats; y may be equal to x. mask: NULL or as in dropmask_dropblock_fill. kept:
 * one uint64_t, the number of kept bits.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION, INVALID_BLOCK, INVALID_CALL.
 */
dropmask_status dropmask_dropblock_forward_f32(const struct dropmask_call *call,
                                               size_t block,
                                               double gamma_scale,
                                               const float *x,
                                               float *y,
                                               uint64_t *mask,
                                               uint64_t *kept);

/**
 * The gradient of dropmask_dropblock_forward_f32 by the number of kept bits and the mask, or drawn again: dx = kept ? dy *
 * (total / kept) : +0.0, total being the number of bits; +0.0 throughout if kept is 0. With accumulate, 1 instead of 0, it
 * is added to what is in dx, which is not dy then. Shards that share a factor pass sums: kept of all, and total of all
 * instead of 0, which stands for the bits of this call; of x to y, this is their forward pass.
 *
 * mask: NULL or as in dropmask_dropblock_fill. dy, dx: samples * channels * height * width floats; dx may be equal to dy.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION, INVALID_BLOCK, INVALID_CALL.
 */
dropmask_status dropmask_dropblock_backward_f32(const struct dropmask_call *call,
                                                size_t block,
                                                double gamma_scale,
                                                const uint64_t *mask,
                                                uint64_t kept,
                                                uint64_t total,
                                                const float *dy,
                                                float *dx,
                                                uint32_t accumulate);

/**
 * Alpha dropout, for networks with SELU: y = kept ? x * a + b : d. With q = threshold / 2^32 and alpha =
 * -1.7580993408473766, in double and each rounded once: a = (q + alpha^2 * q * (1 - q))^(-1/2), b = -a * alpha * (1 - q),
 * d = alpha * a * q. With p = 0 it copies, with p = 1 y is +0.0. Where a channel shares a bit (dropmask_call_channels_first)
 * it is feature-alpha dropout. Evaluation is dropmask_dropout_evaluate_f32. The scaling is DROPMASK_INVERTED.
 *
 * x, y: the elements of the call, each at its strides; y may be equal to x.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION, INVALID_CALL.
 */
dropmask_status dropmask_alpha_forward_f32(const struct dropmask_call *call,
                                           const float *x,
                                           const size_t *x_strides,
                                           float *y,
                                           const size_t *y_strides);

/**
 * The gradient of dropmask_alpha_forward_f32, its mask drawn again: dx = r + (kept ? dy * a : +0.0), and without the sum
 * where r is NULL.
 *
 * dy, r, dx: the elements of the call, each at its strides; dx may be equal to dy, to r or to both.
 * Status: OK, INVALID_PROBABILITY, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP, INDEX_OVERFLOW, INVALID_SHAPE,
 * INVALID_OPTION, INVALID_CALL.
 */
dropmask_status dropmask_alpha_backward_f32(const struct dropmask_call *call,
                                            const float *dy,
                                            const size_t *dy_strides,
                                            const float *r,
                                            const size_t *r_strides,
                                            float *dx,
                                            const size_t *dx_strides);

/**
 * Monte-Carlo dropout: takes the outputs y of one more pass into the mean and the sum of the squared distances from
 * it of each output, by Welford's method in double. passes is the number of passes taken before; if it is 0, mean and
 * squares are first set to 0, whatever they hold.
 *
 * A mask for the whole batch in pass t: dropmask_dropout_forward_f32 with the key dropmask_key_derive(key, t), of a call of
 * dropmask_call_rows whose index[0] is 0. One for each sample: each sample by itself with the key
 * dropmask_key_derive(dropmask_key_derive(key, t), sample).
 *
 * y: len floats. mean, squares: len doubles.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_moments_push_f32(uint64_t passes,
                                          const float *y,
                                          double *mean,
                                          double *squares,
                                          size_t len);

/**
 * The variance of each output: squares / (passes - ddof), with 0 for ddof that over the passes, with 1 its unbiased estimate;
 * NaN if there were no more passes than that.
 *
 * squares, variance: len doubles.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_moments_variance(uint64_t passes,
                                          uint64_t ddof,
                                          const double *squares,
                                          double *variance,
                                          size_t len);

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
 * The entropy of the mean of each row, in nats: all uncertainty. If entropy is not NULL, less that mean of the entropies of
 * the passes, at least 0: how much the passes disagree (mutual information, BALD). entropy itself is what would be left if the
 * weights were known.
 *
 * mean: samples * classes doubles, entropy: samples doubles, of dropmask_classes_push_f32. out: samples doubles.
 * Status: OK, LENGTH_OVERFLOW, NULL_POINTER, MISALIGNED, OVERLAP.
 */
dropmask_status dropmask_classes_uncertainty(size_t samples,
                                             size_t classes,
                                             const double *mean,
                                             const double *entropy,
                                             double *out);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* DROPMASK_H */
