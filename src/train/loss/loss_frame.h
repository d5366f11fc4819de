// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <algorithm>
#include <cmath>

#include "almlip/elements.h"
#include "almlip/error.h"
#include "almlip/kernels/dense.h"
#include "almlip/surroundings.h"
#include "train/loss/committee_loss.h"
#include "train/loss/label_weights.h"

namespace almlip::train {
ALMLIP_BEGIN_KERNELS

/// Geometry and scaled references of a frame in the layout of the loss kernel.
///
/// Atoms are sorted by element into slots; every element fills whole packs of Lanes slots. A
/// neighbour record is four rows of Lanes numbers: direction x y z and distance; neighbours are
/// grouped by element and padded to the longest lane with records at the cutoff.
template <class Real, int Lanes>
class LossFrame final : public PreparedFrame {
  static constexpr int W = Lanes;

 public:
  int num_packs = 0;
  std::vector<int> pack_element;       ///< shape [num_packs]
  std::vector<int> first_pack;         ///< by element, shape [E + 1]
  std::vector<int> count;              ///< atoms by element
  std::vector<int> slot;               ///< of every atom of the frame
  AlignedArray<Real> is_atom;          ///< 1 or 0 (padding), shape [stride]
  std::vector<double> forces;          ///< reference / scale, shape [stride][3]
  double energy = 0.0;                 ///< (reference - sum E0) / num_atoms / scale
  double reference_energy = 0.0;       ///< sum of E0, eV
  Tensor6 virial{};                    ///< reference / num_atoms / scale
  std::vector<double> force_weight;    ///< in the loss, shape [stride]
  double frame_weight = 1.0;           ///< of energy and virial
  bool has_forces = false, has_virial = false;
  AlignedArray<Real> basis_density;    ///< A0, shape [num_packs][E][num_lm][num_radial][Lanes]

  LossFrame(const Frame &frame, const TrainingModel &model)
  {
    num_atoms = frame.num_atoms();
    num_elements_ = static_cast<int>(model.settings.elements.size());
    assign_slots(frame, model);
    fill_references(frame, model);
    fill_records(find_surroundings(frame, model.settings.cutoff), model.settings.cutoff);
  }

  std::size_t bytes() const override
  {
    const auto of = [](const auto &array) { return array.capacity() * sizeof(array[0]); };
    return sizeof(*this) + of(pack_element) + of(slot) + of(is_atom) + of(forces) +
           of(force_weight) + of(basis_density) + of(element_) + of(group_start_) +
           of(first_record_) + of(neighbor_) + of(records_);
  }

  std::size_t stride() const { return static_cast<std::size_t>(num_packs) * W; }
  int num_neighbors(int p) const { return group_start(p, num_elements_); }
  int group_start(int p, int element) const
  {
    return group_start_[p * (num_elements_ + 1) + element];
  }
  const Real *record(int p, int k) const
  {
    return records_.data() + static_cast<std::size_t>(first_record_[p] + k) * 4 * W;
  }
  /// Slots of the k-th neighbours of a pack; the slot after the last one for padding.
  const int *neighbor(int p, int k) const
  {
    return neighbor_.data() + static_cast<std::size_t>(first_record_[p] + k) * W;
  }

 private:
  void assign_slots(const Frame &frame, const TrainingModel &model)
  {
    slot.assign(num_atoms, -1);
    element_.assign(num_atoms, -1);
    first_pack.assign(1, 0);
    for (int i = 0; i < num_atoms; ++i) {
      element_[i] = model.settings.element_index(chemical_symbol(frame.atomic_numbers[i]));
      require(element_[i] >= 0, frame.source, ": atom ", i + 1, " is ",
              chemical_symbol(frame.atomic_numbers[i]),
              ", which is not among the elements of the settings");
    }
    for (int e = 0; e < num_elements_; ++e) {
      int next = num_packs * W;
      for (int i = 0; i < num_atoms; ++i)
        if (element_[i] == e) slot[i] = next++;
      count.push_back(next - num_packs * W);
      num_packs = (next + W - 1) / W;
      first_pack.push_back(num_packs);
      pack_element.resize(num_packs, e);
    }
    is_atom.assign(stride(), Real(0));
    for (int s : slot) is_atom[s] = Real(1);
  }

  void fill_references(const Frame &frame, const TrainingModel &model)
  {
    for (int e : element_) reference_energy += model.reference_energy[e];
    if (frame.energy) energy = (*frame.energy - reference_energy) / num_atoms / model.scale;
    forces.assign(stride() * 3, 0.0);
    has_forces = !frame.forces.empty();
    for (int i = 0; i < num_atoms && has_forces; ++i)
      for (int d = 0; d < 3; ++d) forces[3 * slot[i] + d] = frame.forces[3 * i + d] / model.scale;
    const LabelWeights weights = label_weights(frame, model.violent_force);
    frame_weight = weights.frame;
    force_weight.assign(stride(), 0.0);
    for (int i = 0; i < num_atoms && has_forces; ++i) force_weight[slot[i]] = weights.force[i];
    has_virial = frame.virial.has_value();
    for (int q = 0; has_virial && q < 6; ++q)
      virial[q] = (*frame.virial)[q] / num_atoms / model.scale;
  }

  void fill_records(const Surroundings &s, double cutoff)
  {
    std::vector<int> atom(stride(), -1);
    for (int i = 0; i < num_atoms; ++i) atom[slot[i]] = i;
    for (int p = 0; p < num_packs; ++p) {
      first_record_.push_back(static_cast<int>(neighbor_.size() / W));
      int start = 0;
      group_start_.push_back(0);
      for (int e = 0; e < num_elements_; ++e) {
        std::vector<int> list[W];
        std::size_t most = 0;
        for (int w = 0; w < W; ++w) {
          const int i = atom[p * W + w];
          if (i < 0) continue;
          for (int q = s.first[i]; q < s.first[i + 1]; ++q)
            if (element_[s.owner[s.neighbors[q]]] == e) list[w].push_back(s.neighbors[q]);
          most = std::max(most, list[w].size());
        }
        for (std::size_t k = 0; k < most; ++k) add_record(s, &atom[p * W], list, k, cutoff);
        start += static_cast<int>(most);
        group_start_.push_back(start);
      }
    }
    records_.shrink_to_fit();
    neighbor_.shrink_to_fit();
  }

  void add_record(const Surroundings &s, const int *atom, const std::vector<int> (&list)[W],
                  std::size_t k, double cutoff)
  {
    const std::size_t at = records_.size();
    records_.resize(at + 4 * W, Real(0));
    for (int w = 0; w < W; ++w) {
      const bool present = k < list[w].size();
      double d[3] = {1, 0, 0}, r = cutoff;    // padding: B_n and its slope vanish at the cutoff
      if (present) {
        for (int axis = 0; axis < 3; ++axis)
          d[axis] = s.positions[3 * list[w][k] + axis] - s.positions[3 * atom[w] + axis];
        r = std::sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2]);
        for (double &v : d) v /= r;
      }
      for (int axis = 0; axis < 3; ++axis) records_[at + axis * W + w] = Real(d[axis]);
      records_[at + 3 * W + w] = Real(r);
      neighbor_.push_back(present ? slot[s.owner[list[w][k]]] : static_cast<int>(stride()));
    }
  }

  int num_elements_ = 0;
  std::vector<int> element_, group_start_, first_record_, neighbor_;
  AlignedArray<Real> records_;
};

ALMLIP_END_KERNELS
}    // namespace almlip::train
