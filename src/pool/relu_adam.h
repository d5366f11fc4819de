// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "almlip/build_settings.h"

namespace almlip::pool {

/// One member of a ReluCommittee: where its weights are, the units of a layer one after the other.
struct ReluMember {
  int num_features, num_hidden;
  float *weight1;    ///< shape [num_hidden][num_features]
  float *bias1;      ///< shape [num_hidden]
  float *weight2;    ///< shape [num_hidden][num_hidden], from the first layer to the second
  float *bias2;      ///< shape [num_hidden]
  float *weight3;    ///< shape [num_hidden]
  float *bias3;      ///< one number
};

/// Adam on the mean squared error of one member.
/// @param inputs   shape [num_points][num_features]
/// @param targets  shape [num_points]
/// Source: Kingma and Ba, ICLR (2015), arXiv:1412.6980, algorithm 1 with beta 0.9 and 0.999,
/// epsilon 1e-8
#define ALMLIP_DECLARE(target)                                                   \
  inline namespace target {                                                      \
  void fit_member(const ReluMember &member, int num_points, const float *inputs, \
                  const float *targets, int num_steps, double learning_rate);    \
  }
ALMLIP_FOR_EACH_INSTRUCTION_SET(ALMLIP_DECLARE)
#undef ALMLIP_DECLARE

}    // namespace almlip::pool
