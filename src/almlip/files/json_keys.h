// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "almlip/error.h"

namespace almlip {

/// Keys of a JSON object and what their values do; complains about everything else.
class JsonKeys {
 public:
  using Json = nlohmann::json;

  /// @param where  begins every message
  explicit JsonKeys(std::string where) : where_(std::move(where)) {}

  void add(const std::string &key, std::string &to, std::vector<std::string> allowed = {})
  {
    set_[key] = [this, key, &to, allowed](const Json &value) {
      check(value.is_string(), key, value, "a text");
      to = value.get<std::string>();
      std::string list;
      bool found = allowed.empty();
      for (const std::string &word : allowed) {
        found = found || word == to;
        list += (list.empty() ? "" : ", ") + word;
      }
      check(found, key, value, "one of " + list);
    };
  }
  void add(const std::string &key, bool &to)
  {
    set_[key] = [this, key, &to](const Json &value) {
      check(value.is_boolean(), key, value, "true or false");
      to = value.get<bool>();
    };
  }
  void add(const std::string &key, int &to, int least, int most)
  {
    set_[key] = [this, key, &to, least, most](const Json &value) {
      const bool ok =
          value.is_number_integer() && value.get<double>() >= least && value.get<double>() <= most;
      check(ok, key, value,
            "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
      to = value.get<int>();
    };
  }
  void add(const std::string &key, double &to, double least, double most)
  {
    set_[key] = [this, key, &to, least, most](const Json &value) {
      const bool ok =
          value.is_number() && value.get<double>() >= least && value.get<double>() <= most;
      std::ostringstream allowed;
      allowed << "a number from " << least << " to " << most;
      check(ok, key, value, allowed.str());
      to = value.get<double>();
    };
  }
  void add(const std::string &key, std::vector<std::string> &to)
  {
    set_[key] = [this, key, &to](const Json &value) {
      bool ok = value.is_array();
      for (const Json &word : value) ok = ok && word.is_string();
      check(ok, key, value, "a list of texts");
      to = value.get<std::vector<std::string>>();
    };
  }
  void add(const std::string &key, std::function<void(const Json &)> use)
  {
    set_[key] = std::move(use);
  }

  /// Uses every key of the object.
  /// @throws Error for an unknown key or a value that is not allowed
  void read(const Json &object) const
  {
    require(object.is_object(), where_, ": there must be an object, {\"key\": value, ...}");
    for (const auto &[key, value] : object.items()) {
      const auto entry = set_.find(key);
      if (entry == set_.end())
        fail(where_, ": there is no setting \"", key, "\"; the settings are ", names());
      entry->second(value);
    }
  }

  void check(bool ok, const std::string &key, const Json &value, const std::string &allowed) const
  {
    require(ok, where_, ": \"", key, "\" is ", value.dump(), ", but it must be ", allowed);
  }

 private:
  std::string names() const
  {
    std::string list;
    for (const auto &[key, use] : set_) list += (list.empty() ? "" : ", ") + key;
    return list;
  }

  std::string where_;
  std::map<std::string, std::function<void(const Json &)>> set_;
};

}    // namespace almlip
