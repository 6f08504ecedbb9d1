// What is wrong with an experiment, for people and for programs: gathered, not thrown, so that all of it is told at
// once. `net.textproto:41:5: error: layer "fc6" (dense): input is 256x5x5 = 6400 values, weights expect 9216`, then a
// hint.
#pragma once

#include <string>
#include <vector>

namespace kiln::frontend {

enum class Severity { warning, error };

// The value is the exit code that an error of this kind asks for.
enum class ErrorKind { usage = 2, model = 3, data = 4, unsupported = 8 };

// Where something was said. `file` alone for what has no line: a binary experiment, or an override, whose file is
// `--set a.b=c`.
struct Place {
  // A use of a block that this place is in; in the same file.
  struct Use {
    std::string block;
    int line = 0;
    int column = 0;

    bool operator==(const Use&) const = default;
  };

  std::string file;
  int line = 0; // from 1; 0: none
  int column = 0;
  std::vector<Use> uses = {}; // the innermost first

  bool operator==(const Place&) const = default;
};

struct Diagnostic {
  Severity severity = Severity::error;
  ErrorKind kind = ErrorKind::model;
  Place place;
  std::string layer;      // its name, empty outside of layers
  std::string layer_kind; // "dense"
  std::string message;
  std::string hint; // may be empty
  // Uses of blocks that lead here, of all that led to the same words; filled in from `place`.
  std::vector<Place::Use> uses = {};
};

// One line, then a line of the form `  in block "basic", used here: net.textproto:20:3` for each use, and one of the
// form `  hint: ...` if there is one. No newline at the end.
std::string to_string(const Diagnostic& diagnostic);

class Diagnostics {
public:
  // What is wrong in a block is said once, with all the uses that it is wrong in.
  void add(Diagnostic diagnostic);
  void error(ErrorKind kind, Place place, std::string message, std::string hint = {});
  void warning(Place place, std::string message, std::string hint = {});

  bool has_errors() const;
  // 0 without errors; else that of the first kind present among usage, model, data, unsupported.
  int exit_code() const;
  // In the order of the text they speak of, what overrides cause first.
  std::vector<Diagnostic> sorted() const;
  // One to_string a line.
  std::string text() const;
  // A JSON array of objects with severity, kind, file, line, column, layer, layer_kind, message, hint,
  // uses (block, line, column).
  std::string json() const;

private:
  std::vector<Diagnostic> entries_;
};

} // namespace kiln::frontend
