/* Bare metal, for a Cortex-M4F and for AArch64: no C library and no startup files, the memory functions that the library
 * asks for, and no panic handler. Compares masks with words of tests/golden/stream.json, both passes with the masks, and
 * tells by semihosting how much stack the calls took. */
#include <dropmask.h>

/* For the library. The compiler must not see a call of memset in memset. */
void *memcpy(void *restrict to, const void *restrict from, size_t n) {
    char *t = to;
    for (const char *f = from; n > 0; n--) *t++ = *f++;
    return to;
}

void *memmove(void *to, const void *from, size_t n) {
    const char *f = from;
    char *t = to;
    if (t <= f) return memcpy(to, from, n);
    while (n-- > 0) t[n] = f[n];
    return to;
}

void *memset(void *to, int byte, size_t n) {
    for (char *t = to; n > 0; n--) *t++ = (char)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t n) {
    const unsigned char *p = a, *q = b;
    for (; n > 0; n--, p++, q++) {
        if (*p != *q) return *p - *q;
    }
    return 0;
}

/* Of firmware.ld. */
extern char bss[], bss_end[], stack[], stack_end[];
void reset(void);
static void start(void);

#if defined __arm__
__attribute__((section(".vectors"), used)) static void *const vectors[] = {stack_end, (void *)reset};

void reset(void) {
    *(volatile uint32_t *)0xE000ED88 |= 0xF << 20; /* CPACR: the FPU is on */
    __asm__ volatile("dsb\n isb");
    start();
}

static uintptr_t semihosting(uintptr_t operation, const void *argument) {
    register uintptr_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

#elif defined __aarch64__
__attribute__((naked)) void reset(void) {
    __asm__ volatile("mov x0, #(3 << 20)\n msr cpacr_el1, x0\n isb\n" /* the FPU is on */
                     "adrp x0, stack_end\n add x0, x0, :lo12:stack_end\n mov sp, x0\n b %0" ::"i"(start));
}

static uintptr_t semihosting(uintptr_t operation, const void *argument) {
    register uintptr_t x0 __asm__("x0") = operation;
    register const void *x1 __asm__("x1") = argument;
    __asm__ volatile("hlt 0xF000" : "+r"(x0) : "r"(x1) : "memory");
    return x0;
}
#endif

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };

static void stop(uintptr_t code) {
    const uintptr_t block[] = {APPLICATION_EXIT, code};
    for (;;) semihosting(SYS_EXIT_EXTENDED, block);
}

static void check(int holds, const char *what) {
    if (holds) return;
    semihosting(SYS_WRITE0, what);
    semihosting(SYS_WRITE0, " does not hold\n");
    stop(1);
}

static void print(const char *name, size_t n) {
    char digits[24], *first = digits + sizeof digits;
    *--first = '\0';
    *--first = '\n';
    do *--first = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    semihosting(SYS_WRITE0, name);
    semihosting(SYS_WRITE0, first);
}

enum { LEN = 5000, PAINT = 0xA5, SPARE = 256 };

static uint64_t key, mask[(LEN + 63) / 64];
static dropmask_status status;

/* Bytes of stack that a call takes, beyond those of its caller. Paints what is below this function's own frame. */
typedef void Operation(void);

__attribute__((noinline)) static size_t stack_of(Operation *operation) {
    char *frame = __builtin_frame_address(0), *lowest = stack;
    for (char *byte = stack; byte < frame - SPARE; byte++) *(volatile char *)byte = (char)PAINT;
    operation();
    while (*(volatile char *)lowest == (char)PAINT) lowest++;
    return (size_t)(frame - lowest);
}

static void nothing(void) {}

static void fill(void) { status = dropmask_fill(key, 0.1F, 3, mask, LEN); }

#ifndef ONLY_FILL
static float x[LEN], y[LEN];

static int kept(size_t i) { return mask[i / 64] >> i % 64 & 1; }

static void forward(void) { status = dropmask_forward_f32(key, 0.1F, 3, x, y, NULL, LEN); }
static void backward(void) { status = dropmask_backward_f32(key, 0.1F, 3, y, y, LEN); }
#endif

/* Bits of tests/golden/stream.json: the first and the last word. */
static void golden(uint64_t of, float p, uint64_t offset, size_t len, uint64_t first, uint64_t last) {
    check(dropmask_fill(of, p, offset, mask, len) == DROPMASK_OK, "fill is OK,");
    check(mask[0] == first && mask[(len - 1) / 64] == last, "the frozen mask");
}

static void start(void) {
    for (char *byte = bss; byte < bss_end; byte++) *byte = 0;
    key = dropmask_key_derive(dropmask_key_derive(dropmask_key_new(42), 3), 17);
    golden(dropmask_key_new(0), 0.5F, 0, 2048, 0x7b0f640cf83ef8c5, 0xff99e3cb3fdc6376);
    golden(dropmask_key_new(42), 0.1F, 63, 130, 0x7fff5ffe7ffd7ff9, 1);
    golden(key, 0.1F, 0, 1500, 0xfafffbfafffbfffd, 0xfc7ffff);
    check(dropmask_fill(key, 2, 0, mask, LEN) == DROPMASK_INVALID_PROBABILITY, "a status for a fault");

    const size_t none = stack_of(nothing);
    print("stack of fill ", stack_of(fill) - none);
    check(status == DROPMASK_OK, "fill is OK,");
#ifndef ONLY_FILL
    for (size_t i = 0; i < LEN; i++) x[i] = (float)i + 1;
    print("stack of forward ", stack_of(forward) - none);
    check(status == DROPMASK_OK, "forward is OK,");
    const float scale = 1.1111112F;
    for (size_t i = 0; i < LEN; i++) check(y[i] == (kept(i) ? x[i] * scale : 0), "forward as defined");
    for (size_t i = 0; i < LEN; i++) y[i] = 3;
    print("stack of backward ", stack_of(backward) - none);
    check(status == DROPMASK_OK, "backward is OK,");
    for (size_t i = 0; i < LEN; i++) check(y[i] == (kept(i) ? 3 * scale : 0), "backward as defined");
#endif
    stop(0);
}
