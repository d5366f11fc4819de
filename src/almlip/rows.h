#pragma once

#include <cstddef>
#include <vector>

namespace almlip {

/// Rows of equal length, one after the other.
struct Rows {
  int num_features = 0;
  std::vector<double> values;    ///< shape [count][num_features]

  int count() const
  {
    return num_features > 0 ? static_cast<int>(values.size() / num_features) : 0;
  }
  const double *operator[](int i) const
  {
    return values.data() + static_cast<std::size_t>(i) * num_features;
  }
};

inline double squared_distance(const double *a, const double *b, int num_features)
{
  double sum = 0.0;
  for (int f = 0; f < num_features; ++f) sum += (a[f] - b[f]) * (a[f] - b[f]);
  return sum;
}

}    // namespace almlip
