// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device/device_atoms.h"
#include "device/tiles.h"

#include <algorithm>
#include <vector>

namespace almlip::device {

/// Atoms of the host in the memory of a device.
template <class Space>
class SentAtoms {
 public:
  /// Positions and elements go to the device, lists only when they are new (list_version). The
  /// result is valid until the next call.
  DeviceAtoms send(const Neighborhood &n)
  {
    copy_to(positions_, n.positions, 3 * std::size_t(n.num_all));
    copy_to(element_, n.element, n.num_all);
    if (n.list_version == Neighborhood::unknown_lists || n.list_version != list_version_)
      send_lists(n);
    list_version_ = n.list_version;

    DeviceAtoms atoms;
    atoms.num_all = n.num_all;
    atoms.positions = positions_.data();
    atoms.element = element_.data();
    atoms.num_centers = n.num_centers;
    atoms.centers = centers_.data();
    atoms.num_neighbors = num_neighbors_.data();
    atoms.neighbors = neighbors_.data();
    atoms.first = first_.data();
    atoms.neighbor_mask = n.neighbor_mask;
    return atoms;
  }

  /// Atoms up to the last center.
  int num_listed() const { return num_listed_; }

 private:
  void send_lists(const Neighborhood &n)
  {
    num_listed_ =
        n.num_centers > 0 ? *std::max_element(n.centers, n.centers + n.num_centers) + 1 : 0;
    std::vector<std::size_t> first(num_listed_, 0);
    std::vector<int> count(num_listed_, 0), neighbors;
    for (int c = 0; c < n.num_centers; ++c) {
      const int i = n.centers[c];
      first[i] = neighbors.size();
      count[i] = n.num_neighbors[i];
      neighbors.insert(neighbors.end(), n.neighbors[i], n.neighbors[i] + count[i]);
    }
    copy_to(centers_, n.centers, n.num_centers);
    copy_to(num_neighbors_, count.data(), count.size());
    copy_to(first_, first.data(), first.size());
    copy_to(neighbors_, neighbors.data(), neighbors.size());
  }

  long list_version_ = Neighborhood::unknown_lists;
  int num_listed_ = 0;
  DeviceArray<double, Space> positions_;
  DeviceArray<int, Space> element_, centers_, num_neighbors_, neighbors_;
  DeviceArray<std::size_t, Space> first_;
};

}    // namespace almlip::device
