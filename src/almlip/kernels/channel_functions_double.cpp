// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/kernels/channel_functions.h"

namespace almlip {

template ChannelFunctions<double> channel_functions<double, native_lanes<double>>(int lmax,
                                                                                  int num_channels);

}    // namespace almlip
