/* The normals of inkdiff.rng in C: what one core of this machine can give, a bound for the compiled Python.
 *
 * Same addresses (Philox4x32-10, four outputs of one call a quarter block apart), same polynomials, every
 * a*b + c fused by hand: the bits are those of `inkdiff.normal`, which the benchmark checks before it times
 * anything. One of three bodies is compiled: AVX-512 intrinsics, AVX2 + FMA intrinsics, or a plain loop.
 *
 * Philox multiplies 32 x 32 -> 64 bits, and the vector instruction for that reads every second word: the
 * counters of one vector of floats are therefore two sets of 64-bit lanes, the even calls and the odd ones,
 * merged at the end. The upper halves of the lanes are never cleaned, since the multiplication does not look
 * at them. GROUP vectors are worked on side by side, because one alone waits for its own results; which
 * number is best depends on the registers.
 *
 * Build: cc -O3 -march=native -DGROUP=2 -ffp-contract=off -fno-math-errno -shared -fPIC limit.c -lm
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#define QUARTER 1024
#define ROUNDS 10

static const uint32_t MULTIPLIER_0 = 0xD2511F53u, MULTIPLIER_1 = 0xCD9E8D57u;
static const uint32_t WEYL_0 = 0x9E3779B9u, WEYL_1 = 0xBB67AE85u;
static const int32_t SQRT_HALF_BITS = 0x3F3504F3;
static const float MINUS_2_LN2 = -1.3862943611198906f;

/* -2 ln(1 + m)/m, sin(pi t/2)/t and cos(pi t/2), the last two in t^2: the coefficients of inkdiff.rng */
static const float LOG[9] = {-2.0f, 0.9999995827674866f, -0.6666831970214844f, 0.5000588893890381f,
                             -0.39916834235191345f, 0.33087483048439026f, -0.29834774136543274f,
                             0.28964319825172424f, -0.17919710278511047f};
static const float SIN[5] = {1.5707963705062866f, -0.6459637880325317f, 0.07968992739915848f,
                             -0.004674157593399286f, 0.00015167852689046413f};
static const float COS[6] = {1.0f, -1.2337005138397217f, 0.2536693215370178f, -0.02086268924176693f,
                             0.0009177248575724661f, -2.3824917661841027e-05f};

#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__))
#include <immintrin.h>

#ifndef GROUP
#define GROUP 2
#endif

#if defined(__AVX512F__)
#define BODY "AVX-512 intrinsics"
#define LANES 16
typedef __m512i ints;
typedef __m512 floats;
#define SET32(v) _mm512_set1_epi32((int32_t)(v))
#define SET64(v) _mm512_set1_epi64((int64_t)(v))
#define SETF(v) _mm512_set1_ps(v)
#define EVEN_CALLS _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0)
#define ADD64 _mm512_add_epi64
#define ADD32 _mm512_add_epi32
#define SUB32 _mm512_sub_epi32
#define OR(a, b) _mm512_or_si512(a, b)
#define MUL_LOW _mm512_mul_epu32
#define HIGH(a) _mm512_srli_epi64(a, 32)
#define XOR3(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0x96)
#define MERGE(even, odd) _mm512_mask_shuffle_epi32(even, 0xAAAA, odd, _MM_PERM_CCAA)
#define SHIFT_LEFT(a, n) _mm512_slli_epi32(a, n)
#define SHIFT_SIGNED(a, n) _mm512_srai_epi32(a, n)
#define AS_INTS _mm512_castps_si512
#define AS_FLOATS _mm512_castsi512_ps
#define TO_FLOAT _mm512_cvtepi32_ps
#define FMA _mm512_fmadd_ps
#define MUL _mm512_mul_ps
#define SUB _mm512_sub_ps
#define MAX _mm512_max_ps
#define SQRT _mm512_sqrt_ps
#define STORE _mm512_storeu_ps
static inline floats unsigned_to_float(ints x) { return _mm512_cvtepu32_ps(x); }
#else
#define BODY "AVX2 + FMA intrinsics"
#define LANES 8
typedef __m256i ints;
typedef __m256 floats;
#define SET32(v) _mm256_set1_epi32((int32_t)(v))
#define SET64(v) _mm256_set1_epi64x((int64_t)(v))
#define SETF(v) _mm256_set1_ps(v)
#define EVEN_CALLS _mm256_set_epi64x(6, 4, 2, 0)
#define ADD64 _mm256_add_epi64
#define ADD32 _mm256_add_epi32
#define SUB32 _mm256_sub_epi32
#define OR(a, b) _mm256_or_si256(a, b)
#define MUL_LOW _mm256_mul_epu32
#define HIGH(a) _mm256_srli_epi64(a, 32)
#define XOR3(a, b, c) _mm256_xor_si256(_mm256_xor_si256(b, c), a)
#define MERGE(even, odd) _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA)
#define SHIFT_LEFT(a, n) _mm256_slli_epi32(a, n)
#define SHIFT_SIGNED(a, n) _mm256_srai_epi32(a, n)
#define AS_INTS _mm256_castps_si256
#define AS_FLOATS _mm256_castsi256_ps
#define TO_FLOAT _mm256_cvtepi32_ps
#define FMA _mm256_fmadd_ps
#define MUL _mm256_mul_ps
#define SUB _mm256_sub_ps
#define MAX _mm256_max_ps
#define SQRT _mm256_sqrt_ps
#define STORE _mm256_storeu_ps
/* AVX2 converts signed integers only. The halves of x become the low mantissa bits of 2^23 + low and
 * 2^39 + 2^16 high; removing both offsets is exact, so the sum is x rounded once. */
static inline floats unsigned_to_float(ints x) {
    ints low = _mm256_blend_epi16(x, SET32(0x4B000000), 0xAA);
    ints high = _mm256_blend_epi16(_mm256_srli_epi32(x, 16), SET32(0x53000000), 0xAA);
    return _mm256_add_ps(_mm256_sub_ps(AS_FLOATS(high), SETF(0x1.0001p39f)), AS_FLOATS(low));
}
#endif

/* p[g] = c[0] + c[1] x[g] + ... + c[degree] x[g]^degree */
static inline void polynomial(const float *c, int degree, const floats *x, floats *p) {
    for (int g = 0; g < GROUP; g++) p[g] = SETF(c[degree]);
    for (int k = degree - 1; k >= 0; k--)
        for (int g = 0; g < GROUP; g++) p[g] = FMA(p[g], x[g], SETF(c[k]));
}

static inline void normal_pairs(const ints *x, const ints *y, float *z0, float *z1) {
    floats e[GROUP], m[GROUP], w[GROUP], t[GROUP], t2[GROUP], s[GROUP], c[GROUP];
    for (int g = 0; g < GROUP; g++) {
        ints bits = AS_INTS(FMA(unsigned_to_float(x[g]), SETF(0x1p-32f), SETF(0x1p-33f)));
        ints exponent = SHIFT_SIGNED(SUB32(bits, SET32(SQRT_HALF_BITS)), 23);
        e[g] = TO_FLOAT(exponent);
        m[g] = SUB(AS_FLOATS(SUB32(bits, SHIFT_LEFT(exponent, 23))), SETF(1.0f));
        t[g] = MUL(TO_FLOAT(y[g]), SETF(0x1p-31f));
        t2[g] = MUL(t[g], t[g]);
    }
    polynomial(LOG, 8, m, w);
    polynomial(SIN, 4, t2, s);
    polynomial(COS, 5, t2, c);
    for (int g = 0; g < GROUP; g++) {
        floats r = SQRT(MAX(FMA(e[g], SETF(MINUS_2_LN2), MUL(w[g], m[g])), SETF(0.0f)));
        r = AS_FLOATS(OR(AS_INTS(r), SHIFT_LEFT(y[g], 31)));
        STORE(z0 + g * LANES, MUL(r, MUL(s[g], t[g])));
        STORE(z1 + g * LANES, MUL(r, c[g]));
    }
}

/* One group: 4 outputs of GROUP * LANES calls */
static inline void normals_group(float *out, ints calls, ints high, ints step, ints stream, const ints *key0,
                                 const ints *key1) {
    enum { SETS = 2 * GROUP }; /* even and odd calls of each vector */
    const ints m0 = SET64(MULTIPLIER_0), m1 = SET64(MULTIPLIER_1);
    ints a[SETS], b[SETS], c[SETS], d[SETS];
    for (int s = 0; s < SETS; s++) {
        a[s] = ADD64(calls, SET64(s / 2 * LANES + s % 2));
        b[s] = high, c[s] = step, d[s] = stream;
    }
#pragma GCC unroll 10
    for (int r = 0; r < ROUNDS; r++)
        for (int s = 0; s < SETS; s++) {
            ints p = MUL_LOW(a[s], m0), q = MUL_LOW(c[s], m1);
            a[s] = XOR3(HIGH(q), b[s], key0[r]);
            c[s] = XOR3(HIGH(p), d[s], key1[r]);
            b[s] = q, d[s] = p;
        }
    ints w0[GROUP], w1[GROUP], w2[GROUP], w3[GROUP];
    for (int g = 0; g < GROUP; g++) {
        w0[g] = MERGE(a[2 * g], a[2 * g + 1]), w1[g] = MERGE(b[2 * g], b[2 * g + 1]);
        w2[g] = MERGE(c[2 * g], c[2 * g + 1]), w3[g] = MERGE(d[2 * g], d[2 * g + 1]);
    }
    normal_pairs(w0, w1, out, out + QUARTER);
    normal_pairs(w2, w3, out + 2 * QUARTER, out + 3 * QUARTER);
}

/* out: `blocks` blocks of 4 * QUARTER normals, the first of them number `first` */
void normals(float *out, uint64_t first, uint64_t blocks, uint32_t k0, uint32_t k1, uint32_t step,
             uint32_t stream) {
    ints key0[ROUNDS], key1[ROUNDS];
    for (int r = 0; r < ROUNDS; r++) {
        key0[r] = SET64(k0 + (uint32_t)r * WEYL_0);
        key1[r] = SET64(k1 + (uint32_t)r * WEYL_1);
    }
    for (uint64_t block = first; block < first + blocks; block++, out += 4 * QUARTER) {
        uint64_t call = block * QUARTER;
        ints calls = ADD64(SET64(call), EVEN_CALLS), high = SET64(call >> 32);
        for (int i = 0; i < QUARTER; i += GROUP * LANES) {
            normals_group(out + i, calls, high, SET64(step), SET64(stream), key0, key1);
            calls = ADD64(calls, SET64(GROUP * LANES));
        }
    }
}

#else
#define BODY "a plain loop"

static inline float polynomial(const float *c, int degree, float x) {
    float p = c[degree];
    for (int k = degree - 1; k >= 0; k--) p = fmaf(p, x, c[k]);
    return p;
}

static inline void normal_pair(uint32_t x, uint32_t y, float *z0, float *z1) {
    float u = fmaf((float)x, 0x1p-32f, 0x1p-33f), m, r;
    int32_t bits, sign;
    memcpy(&bits, &u, 4);
    int32_t e = (bits - SQRT_HALF_BITS) >> 23;
    bits -= e * (1 << 23);
    memcpy(&m, &bits, 4);
    m -= 1.0f;
    float w = fmaf((float)e, MINUS_2_LN2, polynomial(LOG, 8, m) * m);
    r = sqrtf(w > 0.0f ? w : 0.0f);
    memcpy(&sign, &r, 4);
    sign |= (int32_t)(y << 31);
    memcpy(&r, &sign, 4);
    float t = (float)(int32_t)y * 0x1p-31f, t2 = t * t;
    *z0 = r * (polynomial(SIN, 4, t2) * t);
    *z1 = r * polynomial(COS, 5, t2);
}

void normals(float *restrict out, uint64_t first, uint64_t blocks, uint32_t k0, uint32_t k1, uint32_t step,
             uint32_t stream) {
    for (uint64_t block = first; block < first + blocks; block++, out += 4 * QUARTER) {
        uint64_t call = block * QUARTER;
        for (int i = 0; i < QUARTER; i++) {
            uint32_t a = (uint32_t)call + (uint32_t)i, b = (uint32_t)(call >> 32), c = step, d = stream;
            uint32_t key0 = k0, key1 = k1;
            for (int r = 0; r < ROUNDS; r++) {
                uint64_t p = (uint64_t)a * MULTIPLIER_0, q = (uint64_t)c * MULTIPLIER_1;
                a = (uint32_t)(q >> 32) ^ b ^ key0;
                c = (uint32_t)(p >> 32) ^ d ^ key1;
                b = (uint32_t)q;
                d = (uint32_t)p;
                key0 += WEYL_0;
                key1 += WEYL_1;
            }
            normal_pair(a, b, out + i, out + QUARTER + i);
            normal_pair(c, d, out + 2 * QUARTER + i, out + 3 * QUARTER + i);
        }
    }
}
#endif

const char *body(void) { return BODY; }
