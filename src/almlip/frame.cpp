// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/frame.h"

#include <cmath>

namespace almlip {

double Frame::volume() const
{
  const auto &c = cell;
  return std::abs(c[0] * (c[4] * c[8] - c[5] * c[7]) - c[1] * (c[3] * c[8] - c[5] * c[6]) +
                  c[2] * (c[3] * c[7] - c[4] * c[6]));
}

}    // namespace almlip
