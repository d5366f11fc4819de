// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "almlip/kernels/kernel_target.h"

/// What a kernel's function needs in order to exist on a device too. A build for a device defines
/// it, e.g. as `__host__ __device__`; elsewhere it is empty.
#ifdef ALMLIP_FUNCTION
#define ALMLIP_STAGE ALMLIP_INLINE
#else
#define ALMLIP_FUNCTION
/// Keeps the compiler's register allocation of the stages apart; measured to be faster and steadier
/// than inlining them all.
#define ALMLIP_STAGE __attribute__((noinline))
#endif
#define ALMLIP_INLINE ALMLIP_FUNCTION inline __attribute__((always_inline))

namespace almlip {
ALMLIP_BEGIN_KERNELS

/// A pack is `Lanes` numbers that are worked on at once. One lane is the plain type, so that every
/// kernel body is also scalar code.
template <class Real, int Lanes>
struct PackOf {
  typedef Real type __attribute__((vector_size(Lanes * sizeof(Real))));
};
template <class Real>
struct PackOf<Real, 1> {
  using type = Real;
};
template <class Real, int Lanes>
using Pack = typename PackOf<Real, Lanes>::type;

/// Integers of a lane: as wide as Real, which is float or double.
template <class Real>
using LaneInt = std::conditional_t<sizeof(Real) == 4, std::int32_t, std::int64_t>;

/// Bytes of the widest registers of the instruction set.
constexpr int register_bytes = ALMLIP_REGISTER_BYTES;
template <class Real>
constexpr int native_lanes = register_bytes / static_cast<int>(sizeof(Real));

template <class V, class Real>
ALMLIP_INLINE V load(const Real *from)
{
  V v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <class V, class Real>
ALMLIP_INLINE void store(Real *to, const V &v)
{
  std::memcpy(to, &v, sizeof v);
}

/// The value, in a register: g++ 12 would load a value with several uses anew for each of them.
template <class V>
ALMLIP_INLINE V in_register(V v)
{
#if defined(__CUDA_ARCH__) || defined(__HIP_DEVICE_COMPILE__)
  // a device's compiler keeps it by itself
#elif defined(__AVX512F__)
  asm("" : "+v"(v));
#elif defined(__SSE2__)
  asm("" : "+x"(v));
#endif
  return v;
}

template <class To, class From>
ALMLIP_INLINE To bit_cast(const From &from)
{
  static_assert(sizeof(To) == sizeof(From), "bit_cast needs types of one size");
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

template <class Function, int... I>
ALMLIP_INLINE void static_for_each(Function &function, std::integer_sequence<int, I...>)
{
  (function(std::integral_constant<int, I>{}), ...);
}

/// function(0) ... function(N-1) with compile-time indices: straight-line code.
template <int N, class Function>
ALMLIP_INLINE void static_for(Function &&function)
{
  static_for_each(function, std::make_integer_sequence<int, N>{});
}

/// Sum over the lanes.
template <class Real, int Lanes>
ALMLIP_INLINE double lane_sum(const Pack<Real, Lanes> &v)
{
  if constexpr (Lanes == 1) {
    return static_cast<double>(v);
  } else {
    double sum = 0;
    for (int w = 0; w < Lanes; ++w) sum += static_cast<double>(v[w]);
    return sum;
  }
}

/// exp(x) of a pack, |x| <= 80 (float) or 600 (double) after clamping: 2^k through the exponent
/// bits, the rest by its Taylor series. Relative error below 4 units in the last place.
template <class Real, int Lanes>
ALMLIP_INLINE Pack<Real, Lanes> pack_exp(Pack<Real, Lanes> x)
{
  using V = Pack<Real, Lanes>;
  constexpr bool single = sizeof(Real) == 4;
  using Int = LaneInt<Real>;
  using VInt = Pack<Int, Lanes>;
  constexpr Real limit = single ? Real(80) : Real(600);
  constexpr Real magic =
      single ? Real(12582912.0)
             : Real(6755399441055744.0);    // 1.5 x 2^mantissa: adding it rounds to an integer
  constexpr int mantissa_bits = single ? 23 : 52;
  constexpr int degree = single ? 6 : 12;
  const V zero = x - x, high = zero + limit, low = zero - limit;
  x = x > high ? high : x;
  x = x < low ? low : x;
  const V shifted = x * Real(1.4426950408889634) + magic;
  const V k = shifted - magic;
  const V f = (x - k * Real(single ? 0.693359375 : 0.693147180369123816490)) -
              k * Real(single ? -2.12194440e-4 : 1.90821492927058770002e-10);
  constexpr double inverse_factorial[13] = {1.0,
                                            1.0,
                                            1.0 / 2,
                                            1.0 / 6,
                                            1.0 / 24,
                                            1.0 / 120,
                                            1.0 / 720,
                                            1.0 / 5040,
                                            1.0 / 40320,
                                            1.0 / 362880,
                                            1.0 / 3628800,
                                            1.0 / 39916800,
                                            1.0 / 479001600};
  V series = zero + Real(inverse_factorial[degree]);
  static_for<degree>(
      [&](auto i) { series = series * f + Real(inverse_factorial[degree - 1 - i]); });
  return bit_cast<V>(VInt(bit_cast<VInt>(series) + (bit_cast<VInt>(shifted) << mantissa_bits)));
}

/// Lane w of the result is lane lane[w] of v.
template <class V, class Index>
ALMLIP_INLINE V permute(const V &v, const Index &lane)
{
#ifdef __clang__
  return __builtin_shufflevector(v, lane);
#else
  return __builtin_shuffle(v, lane);
#endif
}

/// Blocks of Stride lanes of u and v in turn: their even blocks, or with Odd their odd ones.
template <class Index, int Stride, bool Odd, class V, int... I>
ALMLIP_INLINE V interleave(const V &u, const V &v, std::integer_sequence<int, I...>)
{
  constexpr int first = Odd ? Stride : 0, other = static_cast<int>(sizeof...(I)) - Stride;
#ifdef __clang__
  return __builtin_shufflevector(u, v, (first + ((I & Stride) ? I + other : I))...);
#else    // g++ has the other only since 12
  return __builtin_shuffle(u, v, Index{(first + ((I & Stride) ? I + other : I))...});
#endif
}

/// Transposes a tile of Lanes rows, given by row(i), to Lanes rows at to, to + stride, ...
template <class Real, int Lanes, class Row>
ALMLIP_INLINE void transpose_rows(Row &&row, Real *to, std::size_t stride)
{
  if constexpr (Lanes == 1) {
    *to = row(0);
  } else {
    using V = Pack<Real, Lanes>;
    using Index = Pack<LaneInt<Real>, Lanes>;
    constexpr std::make_integer_sequence<int, Lanes> lanes{};
    V r[Lanes];
    static_for<Lanes>([&](auto i) { r[i] = row(i); });
    static_for<(Lanes == 16  ? 4
                : Lanes == 8 ? 3
                : Lanes == 4 ? 2
                             : 1)>([&](auto bit) {
      constexpr int s = 1 << bit;
      static_for<Lanes>([&](auto i) {
        if constexpr (!(i & s)) {
          const V u = r[i], v = r[i + s];
          r[i] = interleave<Index, s, false>(u, v, lanes);
          r[i + s] = interleave<Index, s, true>(u, v, lanes);
        }
      });
    });
    static_for<Lanes>([&](auto i) { store(to + i * stride, r[i]); });
  }
}

/// Transposes a Lanes x Lanes tile; in place if from == to and the strides agree.
template <class Real, int Lanes>
ALMLIP_INLINE void transpose_tile(const Real *from, std::size_t from_stride, Real *to,
                                  std::size_t to_stride)
{
  transpose_rows<Real, Lanes>(
      [&](int i) __attribute__((always_inline)) {
        return load<Pack<Real, Lanes>>(from + i * from_stride);
      },
      to, to_stride);
}

ALMLIP_END_KERNELS
}    // namespace almlip
