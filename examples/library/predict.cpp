// SPDX-License-Identifier: GPL-2.0-or-later
// Energy (eV) and the largest sigma (eV/Angstrom) of every frame of a file: predict POTENTIAL
// FRAMES
#include <almlip/calculator.h>
#include <almlip/files/extxyz.h>

#include <algorithm>
#include <cstdio>

int main(int, char **arguments)
{
  almlip::Calculator calculator(almlip::read_potential(arguments[1]));
  for (const almlip::Frame &frame : almlip::read_extxyz(arguments[2])) {
    const almlip::FramePrediction predicted = calculator.predict(frame);
    const double sigma = *std::max_element(predicted.sigma.begin(), predicted.sigma.end());
    std::printf("%.10f %.10f\n", predicted.energy, sigma);
  }
}
