#include "almlip/query/novelty.h"

#include <cmath>

namespace almlip {

double novelty_of(const Novelty &novelty, const double *descriptors)
{
  if (novelty.whitening.empty()) return 0.0;
  const std::size_t dimension = novelty.center.size();
  double sum_of_squares = 0.0;
  for (std::size_t row = 0; row < dimension; ++row) {
    const double *triangle = &novelty.whitening[row * dimension];
    double component = 0.0;
    for (std::size_t column = 0; column <= row; ++column)
      component += triangle[column] * (descriptors[column] - novelty.center[column]);
    sum_of_squares += component * component;
  }
  return std::sqrt(sum_of_squares) / novelty.threshold;
}

}    // namespace almlip
