// SPDX-License-Identifier: GPL-2.0-or-later
#ifdef PAIR_CLASS
// clang-format off
PairStyle(almlip/kk,PairALMLIPKokkos<LMPDeviceType>);
PairStyle(almlip/kk/device,PairALMLIPKokkos<LMPDeviceType>);
PairStyle(almlip/kk/host,PairALMLIPKokkos<LMPHostType>);
// clang-format on
#else

#ifndef LMP_PAIR_ALMLIP_KOKKOS_H
#define LMP_PAIR_ALMLIP_KOKKOS_H

#include "kokkos_base.h"
#include "pair_almlip.h"

#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace almlip::device {
struct DeviceOutput;
}

namespace LAMMPS_NS {

/// Types of the arguments of KokkosBase::unpack_reverse_comm_kokkos. They have other names, and
/// buffers another precision, from one LAMMPS to the next.
template <class Function>
struct ALMLIPArguments;
template <class... Arguments>
struct ALMLIPArguments<void (KokkosBase::*)(Arguments...)> {
  using type = std::tuple<Arguments...>;
};
using ALMLIPUnpackArguments =
    ALMLIPArguments<decltype(&KokkosBase::unpack_reverse_comm_kokkos)>::type;
using ALMLIPCommList = std::tuple_element_t<1, ALMLIPUnpackArguments>;
using ALMLIPCommBuffer = std::tuple_element_t<2, ALMLIPUnpackArguments>;

/// pair_style almlip with atoms, lists and forces in the memory of the KOKKOS package: docs/gpu.md.
template <class DeviceType>
class PairALMLIPKokkos : public PairALMLIP, public KokkosBase {
 public:
  PairALMLIPKokkos(class LAMMPS *);
  ~PairALMLIPKokkos() override;

  void coeff(int, char **) override;
  void init_style() override;

  int pack_reverse_comm(int, int, double *) override;
  void unpack_reverse_comm(int, int *, double *) override;
  int pack_reverse_comm_kokkos(int, int, ALMLIPCommBuffer) override;
  void unpack_reverse_comm_kokkos(int, ALMLIPCommList, ALMLIPCommBuffer) override;

 protected:
  void make_committee(const almlip::Potential &, const std::string &) override;
  void evaluate(bool) override;
  void bring_descriptors() override;
  std::vector<double> energy_features() override;

 private:
  struct Device;    // hides the core from LAMMPS
  std::unique_ptr<Device> device;
  int descriptors_waiting = 0;    // on the device, of so many atoms

  void spare_transfers();
  void find_nearest();
  std::string problem_of_atom(int);
  almlip::device::DeviceOutput open(bool with_members, bool with_novelty, bool with_descriptors);
  void add_to_lammps();
  void find_uncertainty(bool with_members, bool with_novelty);
};

}    // namespace LAMMPS_NS

#endif
#endif
