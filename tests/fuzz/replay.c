/* Runs a fuzz target over its corpus without libFuzzer: fuzz_<name> DIRECTORY... Each file is one
 * test in TAP; the empty input is always one more. A crash is the failure. */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_BYTES_MAX (4U * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_input(const char *name, const uint8_t *data, size_t size, int *test_count)
{
    LLVMFuzzerTestOneInput(data, size);
    *test_count += 1;
    printf("ok %d - %s\n", *test_count, name);
}

static int run_file(const char *directory, const char *name, int *test_count)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s", directory, name);
    if (length < 0 || (size_t)length >= sizeof path) {
        return -1;
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return -1;
    }
    int result = -1;
    uint8_t *data = malloc(INPUT_BYTES_MAX);
    if (data != NULL) {
        size_t size = fread(data, 1, INPUT_BYTES_MAX, file);
        /* Exactly as large as the input, so that the sanitizer sees the first byte too far. */
        uint8_t *exact = size > 0 ? realloc(data, size) : data;
        if (exact != NULL) {
            data = exact;
            run_input(name, data, size, test_count);
            result = 0;
        }
    }
    free(data);
    fclose(file);
    return result;
}

static int run_directory(const char *path, int *test_count)
{
    DIR *directory = opendir(path);
    if (directory == NULL) {
        return -1;
    }
    int result = 0;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (entry->d_name[0] != '.' && run_file(path, entry->d_name, test_count) != 0) {
            fprintf(stderr, "cannot read %s/%s\n", path, entry->d_name);
            result = -1;
        }
    }
    closedir(directory);
    return result;
}

int main(int argc, char **argv)
{
    int test_count = 0;
    int result = 0;
    uint8_t nothing = 0;
    run_input("empty", &nothing, 0, &test_count);
    for (int i = 1; i < argc; i++) {
        if (run_directory(argv[i], &test_count) != 0) {
            result = 1;
        }
    }
    return result;
}
