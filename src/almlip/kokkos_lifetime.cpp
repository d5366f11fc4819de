#include "almlip/kokkos_lifetime.h"

#include <Kokkos_Core.hpp>
#include <cstdlib>

namespace almlip {

void ensure_kokkos()
{
  if (Kokkos::is_initialized()) return;
  int no_arguments = 0;    // the overload without strings: it is the same in both C++ ABIs
  Kokkos::initialize(no_arguments, nullptr);
  std::atexit([] {
    if (Kokkos::is_initialized()) Kokkos::finalize();
  });
}

}    // namespace almlip
