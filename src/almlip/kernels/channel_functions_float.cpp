// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/kernels/channel_functions.h"

namespace almlip {

template ChannelFunctions<float> channel_functions<float, native_lanes<float>>(int lmax,
                                                                               int num_channels);

}    // namespace almlip
