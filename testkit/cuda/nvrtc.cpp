// libnvrtc.so.12 in software: a kernel's text becomes a library of host code, by g++, in the folder that AINV_SOFTWARE_KERNELS
// names, where it is found again. Its image is its path.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <unistd.h>

namespace {

// As nvrtc.h numbers them.
enum Result { SUCCESS = 0, INVALID_INPUT = 3, COMPILATION = 6 };

struct Program {
    std::string text, path, log;
};

std::string read(const std::string &path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

const char COMPILER[] =
    "g++ -std=c++17 -O2 -march=native -ffp-contract=off -fno-strict-aliasing -fPIC -shared -w -U_FORTIFY_SOURCE";

} // namespace

extern "C" {

int nvrtcCreateProgram(Program **program, const char *text, const char *, int, const char *const *, const char *const *) {
    *program = new Program{text, "", ""};
    return SUCCESS;
}

int nvrtcDestroyProgram(Program **program) {
    delete *program;
    *program = nullptr;
    return SUCCESS;
}

int nvrtcCompileProgram(Program *program, int, const char *const *) {
    const char *folder = getenv("AINV_SOFTWARE_KERNELS");
    if (!folder) {
        program->log = "AINV_SOFTWARE_KERNELS names no folder";
        return INVALID_INPUT;
    }
    const std::string header = std::string(folder) + "/device.h";
    const std::string text = read(header) + program->text
        + "\nextern \"C\" void launch(void **arguments) { kernel(*static_cast<const Call *>(arguments[0])); }\n"
          "extern \"C\" { extern const size_t argument_size; const size_t argument_size = sizeof(Call); }\n";
    char name[32];
    snprintf(name, sizeof name, "/%016zx", std::hash<std::string>{}(COMPILER + text));
    program->path = folder + std::string(name) + ".so";
    if (access(program->path.c_str(), R_OK) == 0) {
        return SUCCESS;
    }
    // Of this process alone, until it is whole.
    const std::string own = folder + std::string(name) + "." + std::to_string(getpid());
    std::ofstream(own + ".cpp") << text;
    const std::string command = std::string(COMPILER) + " " + own + ".cpp -o " + own + ".so 2>" + own + ".log";
    const int outcome = system(command.c_str());
    program->log = read(own + ".log");
    if (outcome == 0) {
        rename((own + ".so").c_str(), program->path.c_str());
    }
    for (const char *left : {".cpp", ".log"}) {
        unlink((own + left).c_str());
    }
    return outcome == 0 ? SUCCESS : COMPILATION;
}

int nvrtcGetProgramLogSize(Program *program, size_t *size) {
    *size = program->log.size() + 1;
    return SUCCESS;
}

int nvrtcGetProgramLog(Program *program, char *log) {
    strcpy(log, program->log.c_str());
    return SUCCESS;
}

int nvrtcGetCUBINSize(Program *program, size_t *size) {
    *size = program->path.size() + 1;
    return SUCCESS;
}

int nvrtcGetCUBIN(Program *program, char *image) {
    strcpy(image, program->path.c_str());
    return SUCCESS;
}

int nvrtcGetPTXSize(Program *program, size_t *size) {
    return nvrtcGetCUBINSize(program, size);
}

int nvrtcGetPTX(Program *program, char *image) {
    return nvrtcGetCUBIN(program, image);
}

int nvrtcGetNumSupportedArchs(int *count) {
    *count = 1;
    return SUCCESS;
}

int nvrtcGetSupportedArchs(int *architectures) {
    architectures[0] = 70;
    return SUCCESS;
}

} // extern "C"
