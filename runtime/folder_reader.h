// A folder of images with one directory a class: which files there are and what class each is of.
// No image is opened.
#pragma once

#include "runtime/data_facts.h"

#include <string>
#include <vector>

namespace kiln::runtime {

// What stands behind the last dot of a file's name, in lower case; empty if there is none.
std::string ending_of(const std::string& name);

// The directories of `folder`, sorted by bytes; those that begin with a dot are passed over. Throws Error (data) if it
// cannot be read or holds none.
std::vector<std::string> read_class_names(const std::string& folder);

// The images below a folder at any depth, sorted within each directory, its own files first: those whose names end in
// .jpg .jpeg .jpe .jfif .png .ppm .pgm .pnm in either case, and do not begin with a dot. Links are followed.
std::vector<std::string> find_images(const std::string& folder);

// The images below folder/class_names[i], labelled i, in the order of class and path.
// Problems: a directory that is no class (error), a class without directory or without images, files passed over
// (warnings).
FileListing read_image_folder(const std::string& folder, const std::vector<std::string>& class_names,
                              std::vector<DataProblem>& problems);

} // namespace kiln::runtime
