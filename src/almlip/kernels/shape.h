// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "almlip/build_settings.h"
#include "almlip/committee.h"
#include "almlip/kernels/coupling.h"

namespace almlip {

/// Shape of the descriptors that is known at compile time: what the kernels unroll.
template <int NumChannels, int LMax, class Couplings_, bool AllPartners>
struct Shape {
  static constexpr int num_channels = NumChannels, lmax = LMax, num_radial = 8;
  static constexpr bool all_partners = AllPartners;
  using Couplings = Couplings_;
  static constexpr int num_lm = (LMax + 1) * (LMax + 1);
  static constexpr int num_pairs =
      NumChannels * (NumChannels + 1) / 2;    ///< channel pairs c <= c'
  static constexpr int num_partners = AllPartners ? NumChannels * NumChannels : NumChannels;
  static constexpr int num_components = Couplings::num_components;    ///< all T_M of one channel
  static constexpr int num_descriptors =
      NumChannels + num_pairs * LMax + Couplings::count * num_partners;
  /// Index of the pair (a, b) of channels, in any order.
  static constexpr int pair_index(int a, int b)
  {
    return a <= b ? a * NumChannels - a * (a - 1) / 2 + b - a : pair_index(b, a);
  }
  /// What is known at run time only would be taken from here.
  explicit Shape(const ModelSettings &) {}
};

/// Any shape, known at run time; the same names. Kernels have a specialisation for it.
struct GenericShape {
  int num_channels, lmax, num_radial;
  bool all_partners;
  std::vector<std::array<int, 3>> couplings;
  int num_lm, num_pairs, num_partners, num_components, num_descriptors;

  explicit GenericShape(const ModelSettings &s)
      : num_channels(s.num_channels),
        lmax(s.lmax),
        num_radial(s.num_radial),
        all_partners(s.partners == "all"),
        couplings(s.couplings()),
        num_lm((lmax + 1) * (lmax + 1)),
        num_pairs(num_channels * (num_channels + 1) / 2),
        num_partners(all_partners ? num_channels * num_channels : num_channels),
        num_components(0),
        num_descriptors(s.num_descriptors())
  {
    for (const std::array<int, 3> &coupling : couplings) num_components += 2 * coupling[2] + 1;
  }
};

namespace partners {
constexpr bool same = false, all = true;
}

// shape_fast, shape_default, ...
#define ALMLIP_PRESET(name, channels, lmax, four_body, partner, num_hidden) \
  using shape_##name = Shape<channels, lmax, couplings::four_body, partners::partner>;
#include "almlip/kernels/presets.def"
#undef ALMLIP_PRESET

template <class S>
struct ShapeTag {
  using type = S;
};

/// True if the settings describe this shape.
template <class S>
bool has_shape(const ModelSettings &s)
{
  return s.num_channels == S::num_channels && s.lmax == S::lmax && s.num_radial == S::num_radial &&
         s.couplings() == S::Couplings::list() && (s.partners == "all") == S::all_partners;
}

/// Calls function(ShapeTag) with the compiled shape (ALMLIP_SHAPES in CMake) or GenericShape of the
/// settings and returns its result.
template <class Function>
auto with_shape(const ModelSettings &s, Kernels kernels, Function &&function)
{
  if (kernels == Kernels::compiled) {
#define ALMLIP_TRY(S) \
  if (has_shape<S>(s)) return function(ShapeTag<S>{});
    ALMLIP_FOR_EACH_SHAPE(ALMLIP_TRY)
#undef ALMLIP_TRY
  }
  return function(ShapeTag<GenericShape>{});
}

}    // namespace almlip
