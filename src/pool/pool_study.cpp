// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool/pool_study.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "almlip/error.h"
#include "almlip/files/json_keys.h"
#include "almlip/files/text_file.h"
#include "pool/pool_descriptors.h"
#include "pool/pool_strategy.h"

namespace almlip::pool {

namespace {

using Json = nlohmann::json;

void add_protocol_keys(JsonKeys &keys, PoolProtocol &p)
{
  constexpr int many = 1000000;
  keys.add("descriptor", p.descriptor);
  keys.add("initial_set", p.initial_set, {"random", "medoids"});
  keys.add("reference", p.reference);
  keys.add("criterion", p.criterion, {"deviation", "variance"});
  keys.add("kernel", p.covariance, {"gradient", "descriptor"});
  keys.add("initial", p.initial, 2, many);
  keys.add("rounds", p.rounds, 1, many);
  keys.add("batch", p.batch, 1, many);
  keys.add("clusters", p.clusters, 1, many);
  keys.add("members", p.members, 2, 64);
  keys.add("hidden", p.hidden, 1, 4096);
  keys.add("steps", p.steps, 1, many);
  keys.add("learning_rate", p.learning_rate, 1e-8, 1.0);
  keys.add("alpha", p.alpha, 0.0, 1.0);
  keys.add("noise", p.noise, 1e-8, 1e3);
  keys.add("exact_up_to", p.exact_up_to, 0, 20000);
  keys.add("clip", p.clip, 0.0, 1e6);
  keys.add("one_per_formula", p.one_per_formula);
}

/// Replaces ${NAME} by the environment variable.
std::string expanded(std::string text, const std::string &where)
{
  for (std::size_t begin = text.find("${"); begin != std::string::npos; begin = text.find("${")) {
    const std::size_t end = text.find('}', begin);
    require(end != std::string::npos, where, ": \"", text, "\" has \"${\" without \"}\"");
    const std::string name = text.substr(begin + 2, end - begin - 2);
    const char *value = std::getenv(name.c_str());
    require(
        value != nullptr, where, ": \"", text, "\" needs the environment variable ", name,
        ", which is not set; run \". scripts/env.sh\", or set it to the folder of the data sets");
    text = text.substr(0, begin) + value + text.substr(end + 1);
  }
  return text;
}

std::string file_path(const std::string &text, const std::string &study)
{
  const std::filesystem::path path = expanded(text, study);
  return path.is_absolute() ? path.string()
                            : (std::filesystem::path(study).parent_path() / path).string();
}

PoolSource read_source(const Json &json, const std::string &study)
{
  PoolSource source;
  if (json.is_string()) {
    source.file = json.get<std::string>();
  } else {
    JsonKeys keys(study + ", \"sources\"");
    keys.add("file", source.file);
    keys.add("take", source.take, 1, 100000000);
    keys.read(json);
  }
  require(!source.file.empty(), study, ": a source has no \"file\"");
  source.file = file_path(source.file, study);
  return source;
}

PoolTarget read_target(const Json &json, const std::string &study)
{
  PoolTarget target;
  JsonKeys keys(study + ", \"targets\"");
  keys.add("name", target.name);
  keys.add("file", target.file);
  keys.add("references", target.references, 1, 100000);
  keys.read(json);
  require(!target.file.empty() && !target.name.empty(), study,
          ": a target needs \"name\" and \"file\"");
  require(target.name != "pool", study, ": a target cannot have the name \"pool\"");
  target.file = file_path(target.file, study);
  return target;
}

void read_filter(const Json &json, PoolFilter &filter, const std::string &study)
{
  JsonKeys keys(study + ", \"filter\"");
  keys.add("min_atoms", filter.min_atoms, 1, 1000000);
  keys.add("max_atoms", filter.max_atoms, 1, 1000000);
  keys.add("elements", filter.elements);
  keys.add("lowest_energy", filter.lowest_energy, -1e6, 1e6);
  keys.add("highest_energy", filter.highest_energy, -1e6, 1e6);
  keys.add("suspects", filter.suspects);
  keys.add("structures", filter.structures);
  keys.add("drop_duplicates", filter.drop_duplicates);
  keys.read(json);
}

/// One series for every strategy of every variant.
std::vector<PoolProtocol> read_series(const PoolProtocol &defaults, const Json &variants,
                                      const Json &strategies, const std::string &study)
{
  require(strategies.is_array() && !strategies.empty(), study,
          ": \"strategies\" must be a list with at least one strategy");
  require(variants.is_array() && !variants.empty(), study,
          ": \"variants\" must be a list with at least one object");
  std::vector<PoolProtocol> series;
  for (const Json &variant : variants) {
    PoolProtocol with_variant = defaults;
    JsonKeys keys(study + ", \"variants\"");
    add_protocol_keys(keys, with_variant);
    keys.add("name", with_variant.variant);
    keys.read(variant);
    for (const Json &strategy : strategies) {
      PoolProtocol p = with_variant;
      JsonKeys more(study + ", \"strategies\"");
      add_protocol_keys(more, p);
      more.add("name", p.name);
      more.add("strategy", p.strategy, pool_strategies());
      more.read(strategy.is_string() ? Json{{"strategy", strategy}} : strategy);
      if (p.name.empty()) p.name = p.strategy;
      if (!p.variant.empty()) p.name += ", " + p.variant;
      series.push_back(p);
    }
  }
  return series;
}

void check_series(const PoolStudy &study, const std::string &path)
{
  std::set<std::string> names;
  for (const PoolProtocol &p : study.series) {
    require(names.insert(p.name).second, path, ": two series have the name \"", p.name,
            "\"; give each a \"name\" of its own");
    PoolDescriptor(p.descriptor).num_features();
    const bool known = p.reference == "pool" ||
                       std::any_of(study.targets.begin(), study.targets.end(),
                                   [&](const PoolTarget &t) { return t.name == p.reference; });
    require(known, path, ": \"reference\" is \"", p.reference,
            "\", but it must be pool or the name of a target");
  }
  for (std::size_t i = 0; i < study.series.size(); ++i) study.baseline_of(static_cast<int>(i));
  const std::vector<std::string> metrics = study.metric_names();
  require(!study.metrics.empty(), path, ": \"metrics\" is empty");
  for (const std::string &metric : study.metrics)
    require(std::count(metrics.begin(), metrics.end(), metric) > 0, path, ": there is no metric \"",
            metric,
            "\"; there are test, large, and for every target its name and its name + \" shifted\"");
}

}    // namespace

std::vector<std::string> PoolStudy::metric_names() const
{
  std::vector<std::string> names = {"test", "large"};
  for (const PoolTarget &target : targets) {
    names.push_back(target.name);
    names.push_back(target.name + " shifted");
  }
  return names;
}

int PoolStudy::baseline_of(int index) const
{
  for (std::size_t i = 0; i < series.size(); ++i) {
    const bool fits = baseline.empty() ? series[i].strategy == "random" &&
                                             series[i].variant == series[index].variant
                                       : series[i].name == baseline;
    if (fits) return static_cast<int>(i);
  }
  if (!baseline.empty()) fail("\"baseline\" is \"", baseline, "\", but no series has this name");
  fail("series \"", series[index].name,
       "\" has nothing to be compared with: add the strategy random, or name a \"baseline\"");
}

PoolStudy read_pool_study(const std::string &path)
{
  Json json = Json::parse(read_text(path), nullptr, false, true);
  require(!json.is_discarded(), path, ": this is not JSON; check commas, quotes and brackets");
  PoolStudy study;
  PoolProtocol defaults;
  Json variants = Json::array({Json::object()}),
       strategies = {"random", "uncertainty", "diversity", "hybrid", "alc"};
  JsonKeys keys(path);
  add_protocol_keys(keys, defaults);
  keys.add("title", study.title);
  keys.add("sources", [&](const Json &list) {
    require(list.is_array(), path, ": \"sources\" must be a list of files");
    for (const Json &source : list) study.sources.push_back(read_source(source, path));
  });
  keys.add("targets", [&](const Json &list) {
    require(list.is_array(), path, ": \"targets\" must be a list of objects");
    for (const Json &target : list) study.targets.push_back(read_target(target, path));
  });
  keys.add("filter", [&](const Json &filter) { read_filter(filter, study.filter, path); });
  keys.add("systems", study.systems);
  keys.add("metrics", study.metrics);
  keys.add("baseline", study.baseline);
  keys.add("seeds", study.seeds, 1, 100000);
  keys.add("first_seed", study.first_seed, 0, 1000000000);
  keys.add("test_fraction", study.test_fraction, 0.01, 0.99);
  keys.add("larger_test", study.larger_test, 0, 1000000);
  keys.add("interval", study.interval, 0.01, 0.999);
  keys.add("bootstrap", study.bootstrap, 0, 1000000);
  keys.add("variants", [&](const Json &list) { variants = list; });
  keys.add("strategies", [&](const Json &list) { strategies = list; });
  keys.read(json);
  require(!study.sources.empty(), path,
          ": \"sources\" is missing; name at least one file with entries");
  require(!study.systems.empty(), path,
          ": \"systems\" is empty; name for example [\"C\", \"Ti-O\"]");
  study.series = read_series(defaults, variants, strategies, path);
  check_series(study, path);
  return study;
}

std::string shaping_text(const PoolStudy &study, const PoolProtocol &p)
{
  Json json = {{"strategy", p.strategy},
               {"descriptor", p.descriptor},
               {"initial_set", p.initial_set},
               {"initial", p.initial},
               {"rounds", p.rounds},
               {"batch", p.batch},
               {"members", p.members},
               {"hidden", p.hidden},
               {"steps", p.steps},
               {"learning_rate", p.learning_rate},
               {"clip", p.clip},
               {"one_per_formula", p.one_per_formula},
               {"reference", p.reference},
               {"criterion", p.criterion},
               {"kernel", p.covariance},
               {"clusters", p.clusters},
               {"alpha", p.alpha},
               {"noise", p.noise},
               {"test_fraction", study.test_fraction},
               {"larger_test", study.larger_test},
               {"filter",
                {study.filter.min_atoms, study.filter.max_atoms, study.filter.elements,
                 study.filter.lowest_energy, study.filter.highest_energy, study.filter.suspects,
                 study.filter.structures, study.filter.drop_duplicates}}};
  for (const PoolSource &source : study.sources)
    json["sources"].push_back(
        {std::filesystem::path(source.file).filename().string(), source.take});
  for (const PoolTarget &target : study.targets)
    json["targets"].push_back(
        {target.name, std::filesystem::path(target.file).filename().string(), target.references});
  return json.dump();
}

}    // namespace almlip::pool
