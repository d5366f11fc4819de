// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "device/kokkos_function.h"

#include <cstddef>
#include <string>
#include <vector>

namespace almlip::device {

/// Atoms of one element that share the rows of an array: neighbouring threads have neighbouring
/// atoms and read neighbouring numbers.
constexpr int tile_width = 128;

/// An array [tile][row][tile_width] in the memory of a device; does not own it.
template <class T>
struct Tiles {
  T *at = nullptr;
  int num_rows = 0;

  KOKKOS_INLINE_FUNCTION T *tile(int t) const
  {
    return at + static_cast<std::size_t>(t) * num_rows * tile_width;
  }
  /// First row of atom a; the next are tile_width apart.
  KOKKOS_INLINE_FUNCTION T *lane(int a) const { return tile(a / tile_width) + a % tile_width; }
};

template <class T, class Space>
using DeviceArray = Kokkos::View<T *, Space>;

/// Makes room for `size` numbers; what was there is lost.
template <class T, class Space>
void make_room(DeviceArray<T, Space> &array, std::size_t size)
{
  if (array.extent(0) >= size) return;
  array = {};    // first, so that both are never there
  array = DeviceArray<T, Space>(
      Kokkos::view_alloc(std::string("almlip::device"), Kokkos::WithoutInitializing), size);
}

/// Copies `size` numbers to the device.
template <class T, class Space>
void copy_to(DeviceArray<T, Space> &array, const T *from, std::size_t size)
{
  make_room(array, size);
  if (size == 0) return;
  Kokkos::deep_copy(
      Kokkos::subview(array, std::make_pair(std::size_t(0), size)),
      Kokkos::View<const T *, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(from,
                                                                                          size));
}
/// The first `size` numbers of an array of the device.
template <class Space>
void copy_back(const DeviceArray<double, Space> &array, std::size_t size, double *to)
{
  if (size == 0) return;
  Kokkos::deep_copy(
      Kokkos::View<double *, Kokkos::HostSpace, Kokkos::MemoryTraits<Kokkos::Unmanaged>>(to, size),
      Kokkos::subview(array, std::make_pair(std::size_t(0), size)));
}
template <class Space>
void copy_back(const DeviceArray<double, Space> &array, std::size_t size, std::vector<double> &to)
{
  to.resize(size);
  copy_back(array, size, to.data());
}

template <class Space, class T>
DeviceArray<T, Space> on_device(const std::vector<T> &numbers)
{
  DeviceArray<T, Space> array;
  copy_to(array, numbers.data(), numbers.size());
  return array;
}

}    // namespace almlip::device
