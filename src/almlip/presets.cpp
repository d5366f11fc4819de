// SPDX-License-Identifier: GPL-2.0-or-later
#include "almlip/presets.h"

#include "almlip/error.h"
#include "almlip/text.h"

namespace almlip {

const std::vector<Preset> &presets()
{
  static const std::vector<Preset> table = {
#define ALMLIP_PRESET(name, channels, lmax, four_body, partners, num_hidden) \
  {#name, channels, lmax, #four_body, #partners, num_hidden},
#include "almlip/kernels/presets.def"
#undef ALMLIP_PRESET
  };
  return table;
}

std::vector<std::string> preset_names()
{
  std::vector<std::string> names;
  for (const Preset &preset : presets()) names.push_back(preset.name);
  return names;
}

const Preset &find_preset(const std::string &name)
{
  for (const Preset &preset : presets())
    if (preset.name == name) return preset;
  fail("there is no preset \"", name, "\"; the presets are ", joined(preset_names()));
}

}    // namespace almlip
