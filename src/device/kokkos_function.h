// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

// Kokkos, and the kernels as functions of its devices. Comes before every header of the kernels.
#ifdef ALMLIP_INLINE
#error "device/kokkos_function.h must come before almlip/kernels/pack.h"
#endif

#include <Kokkos_Core.hpp>

#define ALMLIP_FUNCTION KOKKOS_FUNCTION

// The execution space of the host, where it is compiled for too and is not the default one.
#if defined(ALMLIP_BOTH_SPACES) && \
    (defined(KOKKOS_ENABLE_CUDA) || defined(KOKKOS_ENABLE_HIP) || defined(KOKKOS_ENABLE_SYCL))
#define ALMLIP_HOST_SPACE Kokkos::DefaultHostExecutionSpace
#endif
