// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "almlip/build_settings.h"

/// The instruction set that the kernels of this file are compiled for. A binary for unknown
/// processors holds the kernels several times (ALMLIP_INSTRUCTION_SETS in CMake), each in a
/// namespace of its own, since packs of different sizes must never meet.
///
/// Headers whose code depends on the size of a pack put ALMLIP_BEGIN_KERNELS and ALMLIP_END_KERNELS
/// around it, after all includes. Only what lies between is compiled for the instruction set: were
/// it a flag of the whole file, then the linker might take this file's copy of an inline function
/// of the standard library for everybody, on processors that do not have the instructions.
#if defined(ALMLIP_KERNELS_AVX512)
#define ALMLIP_KERNEL_TARGET avx512
#ifdef __clang__    // has no such preference
#define ALMLIP_KERNEL_OPTIONS "avx512f,avx512bw,avx512dq,avx512vl,fma"
#else
#define ALMLIP_KERNEL_OPTIONS "avx512f,avx512bw,avx512dq,avx512vl,fma,prefer-vector-width=512"
#endif
#define ALMLIP_REGISTER_BYTES 64
#elif defined(ALMLIP_KERNELS_AVX2)
#define ALMLIP_KERNEL_TARGET avx2
#define ALMLIP_KERNEL_OPTIONS "avx2,fma"
#define ALMLIP_REGISTER_BYTES 32
#else
#define ALMLIP_KERNEL_TARGET ALMLIP_BASE_TARGET
#if defined(__AVX512F__)
#define ALMLIP_REGISTER_BYTES 64
#elif defined(__AVX__)
#define ALMLIP_REGISTER_BYTES 32
#else
#define ALMLIP_REGISTER_BYTES 16
#endif
#endif

// clang-format off
#define ALMLIP_PRAGMA(text) _Pragma(#text)
#if !defined(ALMLIP_KERNEL_OPTIONS)
#define ALMLIP_PUSH_OPTIONS(options)
#define ALMLIP_POP_OPTIONS
#elif defined(__clang__)
#define ALMLIP_PUSH_OPTIONS(options) \
  ALMLIP_PRAGMA(clang attribute push(__attribute__((target(options))), apply_to = function))
#define ALMLIP_POP_OPTIONS ALMLIP_PRAGMA(clang attribute pop)
#else
#define ALMLIP_PRAGMA_TARGET(options) ALMLIP_PRAGMA(GCC target(options))
#define ALMLIP_PUSH_OPTIONS(options) ALMLIP_PRAGMA(GCC push_options) ALMLIP_PRAGMA_TARGET(options)
#define ALMLIP_POP_OPTIONS ALMLIP_PRAGMA(GCC pop_options)
#endif
// clang-format on
#define ALMLIP_BEGIN_KERNELS                 \
  ALMLIP_PUSH_OPTIONS(ALMLIP_KERNEL_OPTIONS) \
  inline namespace ALMLIP_KERNEL_TARGET {
#define ALMLIP_END_KERNELS \
  }                        \
  ALMLIP_POP_OPTIONS
