# SPDX-License-Identifier: GPL-2.0-or-later
"""What nvcc says of the device's kernels is read right."""

from registers import registers

# lines of nvcc 13.0, names shortened within
NVCC = """ptxas info    : Compiling entry function '_ZN6Kokkos4Impl33cuda_parallel_launch_local_memoryINS0_11ParallelForIN6almlip6device11StandardiseIdNS3_5ShapeILi4ELi3ENS3_11CouplingSetIJEEELb0EEEEENS_11RangePolicyIJNS_4CudaEEEESH_EEEEvT_' for 'sm_90'
ptxas info    : Function properties for _ZN6Kokkos4Impl33cuda_parallel_launch_local_memoryE
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 64 registers, used 0 barriers
ptxas info    : Compiling entry function '_ZN6Kokkos4Impl33cuda_parallel_launch_local_memoryINS0_11ParallelForIN6almlip6device17ReverseInvariantsIdNS3_5ShapeILi5ELi4ENS3_11CouplingSetIJEEELb1EEEEENS_11RangePolicyIJNS_4CudaEEEESM_EEEEvT_' for 'sm_90'
    928 bytes stack frame, 1468 bytes spill stores, 1476 bytes spill loads
ptxas info    : Used 255 registers, used 0 barriers, 928 bytes cumulative stack size
ptxas info    : Compiling entry function '_ZN6Kokkos4Impl33cuda_parallel_launch_local_memoryINS0_11ParallelForIN6almlip6device7ProductIfEENS_11RangePolicyIJNS_4CudaEEEES5_EEEEvT_' for 'sm_90'
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 56 registers, used 0 barriers
ptxas info    : Compiling entry function '_ZN6Kokkos4Impl33cuda_parallel_launch_local_memoryINS0_14ParallelReduceINS0_22CombinedFunctorReducerIN6almlip6device5AddUpENS0_15FunctorAnalysisIEEEEEEvT_' for 'sm_90'
    8 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 40 registers, used 1 barriers, 8 bytes cumulative stack size
"""


def test_stages_shapes_and_precisions_are_told_apart():
    assert registers(NVCC) == {
        ("Standardise", "4/3", "double"): (64, 0),
        ("ReverseInvariants", "5/4", "double"): (255, 1468 + 1476),
        ("Product", "", "mixed"): (56, 0),
        ("AddUp", "", ""): (40, 0),
    }
