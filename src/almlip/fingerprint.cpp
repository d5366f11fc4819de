#include "almlip/fingerprint.h"

namespace almlip {

std::vector<double> fingerprint(const double *descriptors, const int *element, const double *sigma,
                                int num_atoms, int num_descriptors, int num_elements)
{
  const auto row = [=](int i) {
    return descriptors + static_cast<std::size_t>(i) * num_descriptors;
  };
  std::vector<double> features(2 * static_cast<std::size_t>(num_elements) * num_descriptors, 0.0);
  for (int e = 0; e < num_elements; ++e) {
    double *mean = features.data() + 2 * static_cast<std::size_t>(e) * num_descriptors;
    int count = 0, worst = -1;
    for (int i = 0; i < num_atoms; ++i) {
      if (element[i] != e) continue;
      ++count;
      if (worst < 0 || sigma[i] > sigma[worst]) worst = i;
      for (int d = 0; d < num_descriptors; ++d) mean[d] += row(i)[d];
    }
    if (count == 0) continue;
    for (int d = 0; d < num_descriptors; ++d) mean[d] /= count;
    for (int d = 0; d < num_descriptors; ++d) mean[num_descriptors + d] = row(worst)[d];
  }
  return features;
}

}    // namespace almlip
