// Findings through a pipe from a child process.
#include "tests/support/in_child.h"

#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace kiln::test {

namespace {

// Strings behind each other, each ended by a zero byte.
void write_all(int file, const std::string& text) {
  for (size_t done = 0; done <= text.size();) {
    const ssize_t written = write(file, text.c_str() + done, text.size() + 1 - done);
    if (written <= 0) _exit(1);
    done += static_cast<size_t>(written);
  }
}

std::string read_all(int file) {
  std::string text;
  char block[4096];
  for (ssize_t count = 0; (count = read(file, block, sizeof block)) > 0;)
    text.append(block, static_cast<size_t>(count));
  return text;
}

} // namespace

std::vector<NetworkFinding> in_child(const std::function<std::vector<NetworkFinding>()>& check, int seconds) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("no process");
  if (child == 0) {
    close(ends[0]);
    alarm(static_cast<unsigned>(seconds));
    for (const NetworkFinding& finding : check()) {
      write_all(ends[1], finding.kind);
      write_all(ends[1], finding.text);
    }
    _exit(0);
  }
  close(ends[1]);
  const std::string text = read_all(ends[0]);
  close(ends[0]);
  int status = 0;
  if (waitpid(child, &status, 0) != child) throw std::runtime_error("a child was lost");
  std::vector<NetworkFinding> findings;
  std::vector<std::string> parts;
  for (size_t start = 0; start < text.size();) {
    const size_t end = text.find('\0', start);
    if (end == std::string::npos) break;
    parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  for (size_t i = 0; i + 1 < parts.size(); i += 2) findings.push_back({parts[i], parts[i + 1]});
  if (WIFSIGNALED(status))
    findings.push_back(
        {"signal", fmt::format("ended by signal {} ({})", WTERMSIG(status),
                               WTERMSIG(status) == SIGALRM ? "out of time" : strsignal(WTERMSIG(status)))});
  else if (WEXITSTATUS(status) != 0)
    findings.push_back({"signal", fmt::format("ended with exit code {}", WEXITSTATUS(status))});
  return findings;
}

} // namespace kiln::test
