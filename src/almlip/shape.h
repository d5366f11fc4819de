#pragma once

#include "almlip/coupling.h"
#include "almlip/potential.h"

namespace almlip {

/// Compile-time shape of the descriptors: what the kernels unroll.
template <int NumChannels, int LMax, class Couplings_, bool AllPartners>
struct Shape {
  static constexpr int num_channels = NumChannels, lmax = LMax, num_radial = 8;
  static constexpr bool all_partners = AllPartners;
  using Couplings = Couplings_;
  static constexpr int num_lm = (LMax + 1) * (LMax + 1);
  static constexpr int num_pairs =
      NumChannels * (NumChannels + 1) / 2;    ///< channel pairs c <= c'
  static constexpr int num_partners = AllPartners ? NumChannels * NumChannels : NumChannels;
  static constexpr int num_components =
      Couplings::num_components * NumChannels;    ///< all T_Mc of an atom
  static constexpr int num_descriptors =
      NumChannels + num_pairs * LMax + Couplings::count * num_partners;
  /// Index of the pair (a, b) of channels, in any order.
  static constexpr int pair_index(int a, int b)
  {
    return a <= b ? a * NumChannels - a * (a - 1) / 2 + b - a : pair_index(b, a);
  }
};

using FastShape = Shape<4, 3, CouplingsB3, false>;
using DefaultShape = Shape<4, 4, CouplingsC4, true>;
using AccurateShape = Shape<6, 4, CouplingsB3, false>;

template <class S>
struct ShapeTag {
  using type = S;
};

/// True if the settings describe this shape.
template <class S>
bool has_shape(const ModelSettings &s)
{
  const bool c4 = std::is_same_v<typename S::Couplings, CouplingsC4>;
  return s.num_channels == S::num_channels && s.lmax == S::lmax && s.num_radial == S::num_radial &&
         s.four_body == (c4 ? "c4" : "b3") && s.partners == (S::all_partners ? "all" : "same");
}

/// Calls function(ShapeTag) with the compiled shape of the settings and returns its result.
/// @throws Error if none of the compiled shapes fits; the message lists them
template <class Function>
auto with_shape(const ModelSettings &settings, Function &&function);

}    // namespace almlip

#include "almlip/error.h"

namespace almlip {

template <class Function>
auto with_shape(const ModelSettings &s, Function &&function)
{
  if (has_shape<FastShape>(s)) return function(ShapeTag<FastShape>{});
  if (has_shape<AccurateShape>(s)) return function(ShapeTag<AccurateShape>{});
  require(has_shape<DefaultShape>(s), "the descriptor has num_channels ", s.num_channels, ", lmax ",
          s.lmax, ", num_radial ", s.num_radial, ", four_body ", s.four_body, ", partners ",
          s.partners,
          ", but kernels are compiled for (4, 3, 8, b3, same) = fast, (4, 4, 8, c4, all) = "
          "default, (6, 4, 8, b3, same) = accurate; choose one of "
          "these or add a Shape in almlip/shape.h");
  return function(ShapeTag<DefaultShape>{});
}

}    // namespace almlip
