// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <istream>
#include <ostream>
#include <string>
#include <type_traits>
#include <vector>

#include "almlip/error.h"

namespace almlip::train {

/// Writes the bytes of a number; for files that the same kind of machine reads again.
template <class Number>
void write_binary(std::ostream &out, const Number &number)
{
  static_assert(std::is_trivially_copyable_v<Number>, "only plain numbers have bytes of their own");
  out.write(reinterpret_cast<const char *>(&number), sizeof number);
}

/// Writes `count` numbers, their count first.
template <class Number>
void write_binary(std::ostream &out, const Number *numbers, std::size_t count)
{
  write_binary(out, static_cast<std::uint64_t>(count));
  out.write(reinterpret_cast<const char *>(numbers),
            static_cast<std::streamsize>(count * sizeof(Number)));
}

template <class Number>
void write_binary(std::ostream &out, const std::vector<Number> &numbers)
{
  write_binary(out, numbers.data(), numbers.size());
}

inline void write_binary(std::ostream &out, const std::string &text)
{
  write_binary(out, text.data(), text.size());
}

/// Reads what write_binary wrote.
/// @throws Error if the stream ends too early
template <class Number>
void read_binary(std::istream &in, Number &number)
{
  static_assert(std::is_trivially_copyable_v<Number>, "only plain numbers have bytes of their own");
  in.read(reinterpret_cast<char *>(&number), sizeof number);
  require(in.good(), "binary data end too early");
}

/// Reads the numbers of a `std::vector` or `std::string`.
/// @throws Error if the stream ends too early or announces more than `most` entries
template <class Container>
void read_binary(std::istream &in, Container &numbers, std::uint64_t most)
{
  std::uint64_t count = 0;
  read_binary(in, count);
  require(count <= most, "binary data announce ", count, " entries where at most ", most,
          " are allowed");
  numbers.resize(count);
  in.read(reinterpret_cast<char *>(numbers.data()),
          static_cast<std::streamsize>(count * sizeof(typename Container::value_type)));
  require(in.good(), "binary data end too early");
}

}    // namespace almlip::train
