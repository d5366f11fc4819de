// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device/committee_device.h"
#include "device/stages.h"

namespace almlip::device {

/// Runs the stages for one shape: atoms of one element fill tiles, chunks of tiles fit the scratch
/// memory.
template <class Space, class Real, class Shape>
class CommitteeStages final : public CommitteeDevice<Space>::Kernel {
 public:
  CommitteeStages(const Potential &potential, std::size_t scratch)
      : model_(potential), view_(model_.view()), scratch_(scratch)
  {
  }

  DeviceSums evaluate(const DeviceAtoms &atoms, const DeviceOutput &out) override
  {
    DeviceSums sums;
    sums.member_energies.assign(view_.num_members, 0.0);
    num_streams_ = out.member_forces ? view_.num_members : 1;
    if (out.member_forces) clear(out.member_forces, std::size_t(atoms.num_all) * row_length());
    if (out.novelty) clear(out.novelty, atoms.num_all);
    sort_by_element(atoms);
    reserve(longest_list(atoms), out.novelty && model_.has_novelty());
    for (int first = 0; first < num_places_; first += chunk_size_)
      evaluate_chunk(first, std::min(chunk_size_, num_places_ - first), atoms, out, sums);
    if (out.member_forces && out.forces)
      each("mean_forces", atoms.num_all,
           MeanForces{out.member_forces, out.forces, view_.num_members, row_length()});
    for (const double e : sums.member_energies) sums.energy += e / view_.num_members;
    Kokkos::fence();
    return sums;
  }

 private:
  using Policy = Kokkos::RangePolicy<Space>;

  template <class Functor>
  static void each(const char *name, int count, const Functor &functor)
  {
    Kokkos::parallel_for(std::string("almlip::") + name, Policy(0, count), functor);
  }

  int row_length() const { return MemberForces::row_length(view_.num_members); }

  static void clear(double *at, std::size_t size)
  {
    Kokkos::deep_copy(
        Kokkos::View<double *, Space, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(at, size), 0.0);
  }

  /// Fills order_ and tile_element_; the places of an element end with a whole tile.
  void sort_by_element(const DeviceAtoms &atoms)
  {
    const std::size_t most =
        std::size_t(atoms.num_centers) + std::size_t(view_.num_elements) * tile_width;
    make_room(order_, most);
    Kokkos::deep_copy(order_, -1);
    std::vector<int> tile_element;
    num_places_ = 0;
    for (int e = 0; e < view_.num_elements; ++e) {
      int count = 0;
      Kokkos::parallel_scan(
          "almlip::sort_by_element", Policy(0, atoms.num_centers),
          SortElement{atoms.centers, atoms.element, order_.data(), e, num_places_}, count);
      const int num_tiles = (count + tile_width - 1) / tile_width;
      tile_element.insert(tile_element.end(), num_tiles, e);
      num_places_ += num_tiles * tile_width;
    }
    copy_to(tile_element_, tile_element.data(), tile_element.size());
  }

  static int longest_list(const DeviceAtoms &atoms)
  {
    int longest = 0;
    Kokkos::parallel_reduce("almlip::longest_list", Policy(0, atoms.num_centers),
                            LongestList{atoms.centers, atoms.num_neighbors},
                            Kokkos::Max<int>(longest));
    return std::max(longest, 0);
  }

  /// Scratch arrays for as many atoms as fit.
  void reserve(int longest, bool novelty)
  {
    capacity_ = std::max(capacity_, longest);
    const int D = view_.num_descriptors;
    const std::size_t record = std::size_t(capacity_) * Density::record_rows(),
                      others = A_rows + T_rows + D + hidden_rows() + padded(D) + A_rows +
                               (novelty ? padded(D) : 0),
                      bytes = sizeof(Real) * (record + others) + sizeof(double) * sum_rows() +
                              sizeof(int) * (capacity_ + 1),
                      fit = scratch_ / bytes / tile_width * tile_width;
    chunk_size_ = static_cast<int>(
        std::max<std::size_t>(tile_width, std::min<std::size_t>(fit, num_places_)));
    const std::size_t n = chunk_size_;
    make_room(count_, n);
    make_room(neighbor_, n * capacity_);
    make_room(records_, n * record);
    make_room(density_, n * A_rows);
    make_room(components_, n * T_rows);
    make_room(x_, n * D);
    make_room(hidden_, n * hidden_rows());
    make_room(x_adjoint_, n * padded(D));
    make_room(adjoint_, n * A_rows);
    make_room(sums_, n * sum_rows());
    if (novelty) make_room(white_, n * padded(D));
  }

  Chunk<Real> chunk(int first) const
  {
    Chunk<Real> c;
    c.order = order_.data() + first;
    c.tile_element = tile_element_.data() + first / tile_width;
    c.count = count_.data();
    c.neighbor = {neighbor_.data(), capacity_};
    c.records = {records_.data(), capacity_ * Density::record_rows()};
    c.density = {density_.data(), A_rows};
    c.components = {components_.data(), T_rows};
    c.x = {x_.data(), view_.num_descriptors};
    c.hidden = {hidden_.data(), hidden_rows()};
    c.x_adjoint = {x_adjoint_.data(), padded(view_.num_descriptors)};
    c.adjoint = {adjoint_.data(), A_rows};
    c.sums = {sums_.data(), sum_rows()};
    return c;
  }

  void evaluate_chunk(int first, int count, const DeviceAtoms &atoms, const DeviceOutput &out,
                      DeviceSums &sums)
  {
    const Chunk<Real> c = chunk(first);
    each("gather", count, Gather<Real, Shape>{c, view_, atoms});
    if (view_.reach > 0)
      each("repel", count, Repel<Real, Shape>{c, view_, atoms, out, forces(out, 0), num_streams_});
    each("project", count, Project<Real, Shape>{c});
    each("standardise", count, Standardise<Real, Shape>{c, view_});
    if (out.descriptors)
      each("copy_descriptors", count,
           CopyDescriptors<Real>{c, view_.num_descriptors, out.descriptors});
    if (out.novelty) find_novelty(c, count, out.novelty);
    product("networks", count, {c.tile_element, model_.forward(), c.x, c.hidden});
    each("activate", count, Activate<Real>{c, view_, out});
    if (forces(out, 0).at || out.atom_virial || out.centroid_virial)
      for (int s = 0; s < num_streams_; ++s) reverse(c, count, s, atoms, out);
    add_up(c, count, sums);
  }

  ForceRows forces(const DeviceOutput &out, int stream) const
  {
    if (!out.member_forces) return {out.forces, 3};
    return {out.member_forces + 3 * stream, std::size_t(row_length())};
  }

  /// The reverse steps of the mean or of one member.
  void reverse(const Chunk<Real> &c, int count, int stream, const DeviceAtoms &atoms,
               const DeviceOutput &out)
  {
    const bool members = out.member_forces != nullptr;
    product("networks_reverse", count,
            {c.tile_element, members ? model_.reverse(stream) : model_.reverse_mean(), c.hidden,
             c.x_adjoint, members ? stream * view_.num_hidden : 0});
    each("invariants_reverse", count, ReverseInvariants<Real, Shape>{c});
    each("pair_forces", count,
         PairForces<Real, Shape>{c, atoms, out, forces(out, stream), 1.0 / num_streams_});
  }

  void product(const char *name, int count, const Product<Real> &product) const
  {
    each(name, count / tile_width * product_threads * product.matrix.num_blocks, product);
  }

  void find_novelty(const Chunk<Real> &c, int count, double *to)
  {
    if (!model_.has_novelty()) return;
    const Tiles<Real> white{white_.data(), padded(view_.num_descriptors)};
    each("center_descriptors", count, CenterDescriptors<Real>{c, view_});
    product("whiten", count, {c.tile_element, model_.whitening(), c.x_adjoint, white, 0, true});
    each("measure_novelty", count, MeasureNovelty<Real>{c, view_, white, to});
  }

  void add_up(const Chunk<Real> &c, int count, DeviceSums &sums) const
  {
    std::vector<double> total(sum_rows());
    Kokkos::parallel_reduce(
        "almlip::add_up", Policy(0, count), AddUp{c.sums, static_cast<unsigned>(sum_rows())},
        Kokkos::View<double *, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(
            total.data(), total.size()));
    Kokkos::fence();
    for (int q = 0; q < num_virial_sums; ++q) sums.virial[q] += total[q];
    for (int k = 0; k < view_.num_members; ++k)
      sums.member_energies[k] += total[num_virial_sums + k];
  }

  using Density = DeviceDensity<Real, Shape>;
  static constexpr int A_rows = Shape::num_lm * Shape::num_channels,
                       T_rows = Shape::num_components * Shape::num_channels;
  static constexpr int padded(int rows) { return (rows + row_block - 1) / row_block * row_block; }
  int hidden_rows() const { return padded(view_.num_members * (view_.num_hidden + 1)); }
  int sum_rows() const { return num_virial_sums + view_.num_members; }

  const DeviceModel<Space, Real> model_;
  const ModelView<Real> view_;
  const std::size_t scratch_;
  int num_streams_ = 1, num_places_ = 0, capacity_ = 1, chunk_size_ = 0;
  DeviceArray<int, Space> order_, tile_element_, count_, neighbor_;
  DeviceArray<Real, Space> records_, density_, components_, x_, hidden_, x_adjoint_, adjoint_,
      white_;
  DeviceArray<double, Space> sums_;
};

template <class Space, class Shape>
std::unique_ptr<typename CommitteeDevice<Space>::Kernel> make_stages(const Potential &potential,
                                                                     Precision precision,
                                                                     std::size_t scratch)
{
  if (precision == Precision::mixed)
    return std::make_unique<CommitteeStages<Space, float, Shape>>(potential, scratch);
  return std::make_unique<CommitteeStages<Space, double, Shape>>(potential, scratch);
}

}    // namespace almlip::device
