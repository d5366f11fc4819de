// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command_python.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <vector>

#include "almlip/error.h"
#include "cli/program_folder.h"

namespace almlip::cli {

namespace {

/// Each is a line in COMMANDS of python/almlip/__main__.py, too.
const std::pair<const char *, const char *> commands[] = {
    {"campaign", "Explore, label, refit and test, again and again"},
    {"convert", "Make frames of the outputs of VASP, Quantum ESPRESSO, CP2K and of other sets"},
    {"label", "Label a batch of structures with a first-principles code"},
    {"report", "A page that shows how good a potential is"}};

/// What Python is to do with the arguments of this program.
const char *const start = R"(import sys
try:
    from almlip.__main__ import main
except ModuleNotFoundError as error:
    sys.exit(f'almlip: "{sys.argv[1]}" needs the Python package almlip, but {sys.executable} has '
             f'none ({error}); install it ("pip install ." in the source tree), or source scripts/env.sh')
sys.exit(main(sys.argv[1:])))";

/// Becomes Python: the one beside this program, else the first on PATH.
[[noreturn]] void run_python(const std::string &command, const std::vector<std::string> &rest)
{
  std::vector<std::string> words{"python3", "-c", start, command};
  words.insert(words.end(), rest.begin(), rest.end());
  std::vector<char *> arguments;
  for (std::string &word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::string beside = program_folder() + "/python3";
  arguments[0] = beside.data();    // by this Python knows its environment
  execv(beside.c_str(), arguments.data());
  arguments[0] = words[0].data();
  execvp("python3", arguments.data());
  fail("\"", command, "\" is written in Python, but there is no python3 beside this program or on ",
       "PATH");
}

}    // namespace

void add_python_commands(CLI::App &app)
{
  for (const auto &[name, description] : commands) {
    CLI::App *command = app.add_subcommand(name, description);
    command->prefix_command();
    command->set_help_flag();    // Python tells
    command->callback([command] { run_python(command->get_name(), command->remaining()); });
  }
}

}    // namespace almlip::cli
