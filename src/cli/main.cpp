// SPDX-License-Identifier: GPL-2.0-or-later
#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>
#include <new>

#include "almlip/error.h"
#include "almlip/nearest_word.h"
#include "cli/command_check.h"
#include "cli/command_doctor.h"
#include "cli/command_eval.h"
#include "cli/command_info.h"
#include "cli/command_pool.h"
#include "cli/command_python.h"
#include "cli/command_select.h"
#include "cli/command_train.h"

namespace {

constexpr int failed = 1;
constexpr int wrong_usage = 2;

int report(const std::string &message)
{
  std::cout.flush();
  std::cerr << "almlip: " << message << std::endl;
  return failed;
}

/// What is wrong with an argument that the command does not know.
std::string unexpected(const CLI::App &command, const std::string &argument)
{
  std::string message = "almlip " + command.get_name() + " does not take \"" + argument + "\"";
  if (argument.rfind("--", 0) == 0) {
    std::vector<std::string> flags;
    for (const CLI::Option *option : command.get_options())
      for (const std::string &name : option->get_lnames()) flags.push_back("--" + name);
    message += "; did you mean " + almlip::nearest_word(argument, flags) + "?";
  }
  return message;
}

/// Exit status of an exception of the command line: help and version are no failures.
int finish(const CLI::App &app, const CLI::ParseError &end)
{
  if (end.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(end);
  // a command that has already said what is wrong, or leaves that to another rank
  if (dynamic_cast<const CLI::RuntimeError *>(&end)) return end.get_exit_code();
  const std::vector<CLI::App *> commands = app.get_subcommands();
  const std::vector<std::string> rest = app.remaining(true);
  if (commands.empty() && !rest.empty())
    report("there is no command \"" + rest.front() + "\"; see almlip --help");
  else if (!commands.empty() && dynamic_cast<const CLI::ExtrasError *>(&end) && !rest.empty())
    report(unexpected(*commands.front(), rest.front()) + " See almlip " +
           commands.front()->get_name() + " --help");
  else
    report(std::string(end.what()) + "; see almlip " +
           (commands.empty() ? "" : commands.front()->get_name() + " ") + "--help");
  return wrong_usage;
}

void add_commands(CLI::App &app)
{
  app.name("almlip");
  app.set_version_flag("--version", "almlip " ALMLIP_VERSION);
  app.require_subcommand(1);
  app.footer("\"almlip COMMAND --help\" tells more about a command.");
  almlip::cli::add_train_command(app);
  almlip::cli::add_eval_command(app);
  almlip::cli::add_select_command(app);
  almlip::cli::add_pool_command(app);
  almlip::cli::add_check_command(app);
  almlip::cli::add_info_command(app);
  almlip::cli::add_doctor_command(app);
  almlip::cli::add_python_commands(app);
}

}    // namespace

int main(int argc, char **argv)
{
  std::signal(SIGXFSZ, SIG_IGN);    // a file beyond the limit of its size is an error as any other
  CLI::App app("Machine-learned potentials with active learning for LAMMPS");
  try {
    add_commands(app);
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError &end) {
    return finish(app, end);
  } catch (const almlip::Error &error) {
    return report(error.what());
  } catch (const std::bad_alloc &) {
    return report("there is not enough memory");
  } catch (const std::exception &error) {
    return report(error.what());
  }
}
