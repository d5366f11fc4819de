#pragma once

namespace almlip {

/// Starts Kokkos if nobody has yet; what this call started is ended at the exit of the process.
void ensure_kokkos();

}    // namespace almlip
