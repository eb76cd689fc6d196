/* Goal: the simulated file system answers like io.h says, forgets only what it may, and repeats
 * itself for a seed.
 * Method: situations one by one; then random operations against a plain model that knows, for each
 * name and each byte, which values may be seen after a power cut: synced data must survive, and
 * what was never written must never appear. */
#include "base/io_sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static enum tide_status put(struct tide_io io, const char *path, const char *text, bool is_synced)
{
    struct tide_file file = {0};
    enum tide_status status = io.operations->open(io.self, path, TIDE_IO_CREATE, &file, NULL);
    if (status == TIDE_OK) {
        status = io.operations->write(io.self, file, 0, text, strlen(text), NULL);
    }
    if (status == TIDE_OK && is_synced) {
        status = io.operations->sync(io.self, file, NULL);
    }
    io.operations->close(io.self, &file);
    return status;
}

static bool holds(struct tide_io io, const char *path, const char *text)
{
    struct tide_bytes bytes = {0};
    bool is_equal = tide_io_read_file(io, path, &bytes, 1000, NULL) == TIDE_OK &&
                    tide_view_equal(tide_bytes_view(&bytes), tide_view_of(text));
    tide_bytes_release(&bytes);
    return is_equal;
}

static void collect_name(void *context, const char *name, bool is_directory)
{
    char *text = context;
    size_t size = strlen(text);
    (void)snprintf(text + size, 100 - size, "%s%s ", name, is_directory ? "/" : "");
}

static void names_follow_the_contract(void **state)
{
    (void)state;
    struct tide_io_sim *sim = tide_io_sim_create(1);
    struct tide_io io = tide_io_sim_io(sim);
    const struct tide_io_operations *do_ = io.operations;
    struct tide_file file = {0};
    struct tide_error error = {0};
    char names[100] = "";
    assert_int_equal(do_->make_directory(sim, "d/e", &error), TIDE_OK);
    assert_int_equal(do_->make_directory(sim, "/d/e/", &error), TIDE_OK);
    assert_int_equal(put(io, "d/f", "text", false), TIDE_OK);
    assert_int_equal(put(io, "d/f", "text", false), TIDE_REJECT);
    assert_int_equal(put(io, "d/e", "text", false), TIDE_REJECT);
    assert_int_equal(put(io, "none/f", "text", false), TIDE_REJECT);
    assert_int_equal(do_->make_directory(sim, "d/f/g", &error), TIDE_FATAL);
    assert_int_equal(do_->open(sim, "d/none", TIDE_IO_READ, &file, &error), TIDE_REJECT);
    assert_int_equal(do_->open(sim, "d/e", TIDE_IO_READ, &file, &error), TIDE_FATAL);
    assert_int_equal(do_->link(sim, "d/f", "d/g", &error), TIDE_OK);
    assert_int_equal(do_->link(sim, "d/f", "d/g", &error), TIDE_REJECT);
    assert_int_equal(do_->link(sim, "d/none", "d/h", &error), TIDE_REJECT);
    assert_int_equal(do_->rename(sim, "d/f", "d/g", &error), TIDE_OK); /* one file: nothing */
    assert_true(holds(io, "d/f", "text"));
    assert_int_equal(do_->remove(sim, "d/f", &error), TIDE_OK);
    assert_int_equal(do_->remove(sim, "d/f", &error), TIDE_REJECT);
    assert_int_equal(do_->rename(sim, "d/f", "d/g", &error), TIDE_REJECT);
    assert_true(holds(io, "d/g", "text"));
    struct tide_io_facts facts = {0};
    assert_int_equal(do_->stat(sim, "d/none", &facts, &error), TIDE_REJECT);
    assert_int_equal(do_->stat(sim, "d/g", &facts, &error), TIDE_OK);
    assert_true(!facts.is_directory && facts.size == strlen("text"));
    assert_false(tide_instant_known(facts.modified));
    assert_int_equal(do_->stat(sim, "d/e", &facts, &error), TIDE_OK);
    assert_true(facts.is_directory && facts.size == 0);
    assert_int_equal(do_->list(sim, "d", collect_name, names, &error), TIDE_OK);
    assert_int_equal(strlen(names), strlen("g e/ "));
    assert_non_null(strstr(names, "e/ "));
    assert_int_equal(do_->list(sim, "none", collect_name, names, &error), TIDE_REJECT);
    assert_int_equal(do_->remove(sim, "d", &error), TIDE_FATAL);
    assert_int_equal(do_->remove(sim, "d/e", &error), TIDE_OK);
    assert_int_equal(do_->list(sim, "d/e", collect_name, names, &error), TIDE_REJECT);
    tide_io_sim_destroy(sim);
}

static void open_files_outlive_their_names(void **state)
{
    (void)state;
    struct tide_io_sim *sim = tide_io_sim_create(1);
    struct tide_io io = tide_io_sim_io(sim);
    struct tide_file file = {0};
    char text[4] = {0};
    size_t size = 0;
    assert_int_equal(put(io, "f", "text", true), TIDE_OK);
    assert_int_equal(io.operations->open(sim, "f", TIDE_IO_WRITE, &file, NULL), TIDE_OK);
    assert_int_equal(io.operations->remove(sim, "f", NULL), TIDE_OK);
    assert_int_equal(io.operations->sync_directory(sim, ".", NULL), TIDE_OK);
    assert_int_equal(io.operations->read(sim, file, 0, text, 4, &size, NULL), TIDE_OK);
    assert_memory_equal(text, "text", 4);
    struct tide_file dead = file;
    tide_io_sim_kill(sim);
    assert_int_equal(io.operations->read(sim, dead, 0, text, 4, &size, NULL), TIDE_FATAL);
    assert_int_equal(io.operations->write(sim, dead, 0, text, 4, NULL), TIDE_FATAL);
    io.operations->close(sim, &dead);
    assert_int_equal(dead.handle, 0);
    tide_io_sim_destroy(sim);
}

static void a_kill_keeps_what_a_cut_may_lose(void **state)
{
    (void)state;
    int lost = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct tide_io_sim *sim = tide_io_sim_create(seed);
        struct tide_io io = tide_io_sim_io(sim);
        assert_int_equal(put(io, "f", "text", false), TIDE_OK);
        tide_io_sim_kill(sim);
        assert_true(holds(io, "f", "text"));
        tide_io_sim_restart(sim);
        lost += holds(io, "f", "text") ? 0 : 1;
        tide_io_sim_destroy(sim);
    }
    assert_in_range(lost, 10, 49);
}

static void faults_come_when_armed(void **state)
{
    (void)state;
    struct tide_io_sim *sim = tide_io_sim_create(7);
    struct tide_io io = tide_io_sim_io(sim);
    struct tide_file file = {0};
    struct tide_error error = {0};
    uint64_t size = 0;
    assert_int_equal(put(io, "f", "text", true), TIDE_OK);
    assert_int_equal(tide_io_sim_operation_count(sim), 3);
    assert_int_equal(io.operations->open(sim, "f", TIDE_IO_WRITE, &file, &error), TIDE_OK);

    tide_io_sim_arm(sim, TIDE_IO_SIM_FAULT_NO_SPACE, 2);
    assert_int_equal(io.operations->write(sim, file, 0, "TEXT", 4, &error), TIDE_OK);
    assert_int_equal(io.operations->size(sim, file, &size, &error), TIDE_OK);
    assert_int_equal(io.operations->write(sim, file, 4, "more", 4, &error), TIDE_RETRY);
    assert_int_equal(io.operations->write(sim, file, 4, "more", 4, &error), TIDE_OK);

    tide_io_sim_arm(sim, TIDE_IO_SIM_FAULT_SYNC_FAILS, 1);
    assert_int_equal(io.operations->sync(sim, file, &error), TIDE_FATAL);
    assert_true(holds(io, "f", "text"));
    assert_int_equal(io.operations->sync(sim, file, &error), TIDE_OK);

    tide_io_sim_arm(sim, TIDE_IO_SIM_FAULT_CRASH, 2);
    assert_int_equal(io.operations->size(sim, file, &size, &error), TIDE_OK);
    assert_false(tide_io_sim_crashed(sim));
    assert_int_equal(io.operations->size(sim, file, &size, &error), TIDE_FATAL);
    assert_true(tide_io_sim_crashed(sim));
    struct tide_file other = {0};
    assert_int_equal(io.operations->open(sim, "f", TIDE_IO_READ, &other, &error), TIDE_FATAL);
    tide_io_sim_restart(sim);
    assert_false(tide_io_sim_crashed(sim));
    tide_io_sim_destroy(sim);
}

static void capacity_bounds_all_files(void **state)
{
    (void)state;
    struct tide_io_sim *sim = tide_io_sim_create(7);
    struct tide_io io = tide_io_sim_io(sim);
    tide_io_sim_set_capacity(sim, 6);
    assert_int_equal(put(io, "a", "1234", true), TIDE_OK);
    assert_int_equal(put(io, "b", "123", true), TIDE_RETRY);
    assert_int_equal(io.operations->remove(sim, "a", NULL), TIDE_OK);
    assert_int_equal(io.operations->remove(sim, "b", NULL), TIDE_OK);
    assert_int_equal(put(io, "b", "123456", true), TIDE_OK);
    tide_io_sim_destroy(sim);
}

static void flips_stay(void **state)
{
    (void)state;
    struct tide_io_sim *sim = tide_io_sim_create(7);
    struct tide_io io = tide_io_sim_io(sim);
    assert_int_equal(put(io, "a", "abc", true), TIDE_OK);
    assert_int_equal(io.operations->sync_directory(sim, "", NULL), TIDE_OK);
    assert_true(tide_io_sim_flip(sim, "a", 8 + 5));
    assert_false(tide_io_sim_flip(sim, "a", 24));
    assert_false(tide_io_sim_flip(sim, "none", 0));
    assert_true(holds(io, "a", "aBc"));
    tide_io_sim_restart(sim);
    assert_true(holds(io, "a", "aBc"));
    tide_io_sim_destroy(sim);
}

/* The model. Names are "d<directory>/<digit>"; a name's possible owners are a set of file numbers
 * and "absent"; a byte's possible values are a set too. */
enum {
    NAME_COUNT = 8,
    FILES_MAX = 24,
    FILE_SIZE_MAX = 2048,
    ABSENT = FILES_MAX,
    STEP_COUNT = 60,
    SEED_COUNT = 400,
};

struct model_file {
    struct tide_file handle;
    size_t size;
    size_t size_min; /* possible after a cut */
    size_t size_max;
    uint8_t bytes[FILE_SIZE_MAX];
    uint8_t possible[FILE_SIZE_MAX][32]; /* a bit for each value */
};

struct model_name {
    unsigned owner; /* now: a file or ABSENT */
    uint32_t possible;
};

struct model {
    struct tide_io_sim *sim;
    struct tide_io io;
    uint64_t random;
    unsigned file_count;
    struct model_file files[FILES_MAX];
    struct model_name names[NAME_COUNT];
};

static size_t draw(struct model *model, size_t limit)
{
    model->random = model->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(model->random >> 33) % limit;
}

static const char *name_path(char *buffer, size_t name)
{
    (void)snprintf(buffer, 16, "d%zu/%zu", name / (NAME_COUNT / 2), name);
    return buffer;
}

#define NAME_PATH(name) name_path((char[16]){0}, (name))

static void allow(struct model_file *file, size_t at, uint8_t value)
{
    file->possible[at][value / 8] = (uint8_t)(file->possible[at][value / 8] | 1U << (value % 8));
}

static bool is_allowed(const struct model_file *file, size_t at, uint8_t value)
{
    return ((unsigned)file->possible[at][value / 8] >> (value % 8) & 1U) != 0;
}

static void model_resize(struct model_file *file, size_t size)
{
    size_t least = size < file->size ? size : file->size;
    size_t most = size < file->size ? file->size : size;
    if (least < most) {
        memset(file->bytes + least, 0, most - least);
    }
    for (size_t i = least; i < most; i++) {
        allow(file, i, 0);
    }
    file->size = size;
    file->size_min = size < file->size_min ? size : file->size_min;
    file->size_max = size > file->size_max ? size : file->size_max;
}

static void model_write(struct model *model, struct model_file *file)
{
    uint8_t data[FILE_SIZE_MAX];
    size_t offset = draw(model, FILE_SIZE_MAX - 1);
    size_t size = 1 + draw(model, FILE_SIZE_MAX - offset);
    for (size_t i = 0; i < size; i++) {
        data[i] = (uint8_t)(1 + draw(model, 255));
    }
    assert_int_equal(
        model->io.operations->write(model->sim, file->handle, offset, data, size, NULL), TIDE_OK);
    if (offset + size > file->size) {
        size_t size_min = file->size_min;
        model_resize(file, offset + size);
        file->size_min = size_min;
    }
    memcpy(file->bytes + offset, data, size);
    for (size_t i = 0; i < size; i++) {
        allow(file, offset + i, data[i]);
    }
}

static void model_sync(struct model *model, struct model_file *file)
{
    assert_int_equal(model->io.operations->sync(model->sim, file->handle, NULL), TIDE_OK);
    memset(file->possible, 0, sizeof(file->possible));
    file->size_min = file->size;
    file->size_max = file->size;
    for (size_t i = 0; i < file->size; i++) {
        allow(file, i, file->bytes[i]);
    }
}

static void model_own(struct model *model, size_t name, unsigned owner)
{
    model->names[name].owner = owner;
    model->names[name].possible |= UINT32_C(1) << owner;
}

static void step_file(struct model *model)
{
    if (model->file_count == 0) {
        return;
    }
    struct model_file *file = &model->files[draw(model, model->file_count)];
    size_t kind = draw(model, 5);
    if (kind == 0) {
        model_sync(model, file);
    } else if (kind == 1) {
        size_t size = draw(model, FILE_SIZE_MAX);
        assert_int_equal(model->io.operations->truncate(model->sim, file->handle, size, NULL),
                         TIDE_OK);
        model_resize(file, size);
    } else {
        model_write(model, file);
    }
}

static void step_create(struct model *model, size_t name)
{
    if (model->file_count == FILES_MAX || model->names[name].owner != ABSENT) {
        return;
    }
    struct model_file *file = &model->files[model->file_count];
    assert_int_equal(model->io.operations->open(
                         model->sim, NAME_PATH(name), TIDE_IO_CREATE, &file->handle, NULL),
                     TIDE_OK);
    model_own(model, name, model->file_count++);
}

static void step_name(struct model *model)
{
    size_t from = draw(model, NAME_COUNT);
    size_t to = draw(model, NAME_COUNT);
    unsigned owner = model->names[from].owner;
    enum tide_status wanted = owner == ABSENT ? TIDE_REJECT : TIDE_OK;
    const struct tide_io_operations *operations = model->io.operations;
    switch (draw(model, 4)) {
    case 0:
        assert_int_equal(operations->remove(model->sim, NAME_PATH(from), NULL), wanted);
        model_own(model, from, ABSENT);
        break;
    case 1:
        wanted = model->names[to].owner == ABSENT ? wanted : TIDE_REJECT;
        assert_int_equal(operations->link(model->sim, NAME_PATH(from), NAME_PATH(to), NULL),
                         wanted);
        if (wanted == TIDE_OK) {
            model_own(model, to, owner);
        }
        break;
    case 2:
        assert_int_equal(operations->rename(model->sim, NAME_PATH(from), NAME_PATH(to), NULL),
                         wanted);
        if (wanted == TIDE_OK && owner != model->names[to].owner) {
            model_own(model, to, owner);
            model_own(model, from, ABSENT);
        }
        break;
    default:
        assert_int_equal(
            operations->sync_directory(model->sim, from < NAME_COUNT / 2 ? "d0" : "d1", NULL),
            TIDE_OK);
        for (size_t i = 0; i < NAME_COUNT; i++) {
            if (i / (NAME_COUNT / 2) == from / (NAME_COUNT / 2)) {
                model->names[i].possible = UINT32_C(1) << model->names[i].owner;
            }
        }
        break;
    }
}

struct outcomes {
    int as_now; /* names whose file is as it was before the cut */
    int other;
    int absent;
};

static bool is_legal(const struct model_file *file, struct tide_view seen)
{
    bool is_fit = seen.size >= file->size_min && seen.size <= file->size_max;
    for (size_t i = 0; i < seen.size && is_fit; i++) {
        is_fit = is_allowed(file, i, (uint8_t)seen.data[i]);
    }
    return is_fit;
}

static void check_name(struct model *model, size_t name, struct outcomes *outcomes)
{
    struct tide_bytes bytes = {0};
    const struct model_name *state = &model->names[name];
    enum tide_status status =
        tide_io_read_file(model->io, NAME_PATH(name), &bytes, FILE_SIZE_MAX, NULL);
    bool is_legal_here = status == TIDE_REJECT && (state->possible >> ABSENT & 1U) != 0;
    for (unsigned i = 0; i < model->file_count && status == TIDE_OK && !is_legal_here; i++) {
        is_legal_here =
            (state->possible >> i & 1U) != 0 && is_legal(&model->files[i], tide_bytes_view(&bytes));
    }
    assert_true(is_legal_here);
    if (status != TIDE_OK) {
        outcomes->absent += state->owner == ABSENT ? 0 : 1;
    } else if (state->owner != ABSENT && bytes.size == model->files[state->owner].size &&
               (bytes.size == 0 ||
                memcmp(bytes.data, model->files[state->owner].bytes, bytes.size) == 0)) {
        outcomes->as_now++;
    } else {
        outcomes->other++;
    }
    tide_bytes_release(&bytes);
}

static void run_model(uint64_t seed, struct model *model, struct outcomes *outcomes)
{
    memset(model, 0, sizeof(*model));
    model->sim = tide_io_sim_create(seed);
    model->io = tide_io_sim_io(model->sim);
    model->random = seed;
    assert_int_equal(model->io.operations->make_directory(model->sim, "d0", NULL), TIDE_OK);
    assert_int_equal(model->io.operations->make_directory(model->sim, "d1", NULL), TIDE_OK);
    for (size_t i = 0; i < NAME_COUNT; i++) {
        model->names[i] = (struct model_name){ABSENT, UINT32_C(1) << ABSENT};
    }
    size_t step_count = 1 + draw(model, STEP_COUNT);
    for (size_t i = 0; i < step_count; i++) {
        switch (draw(model, 4)) {
        case 0:
            step_create(model, draw(model, NAME_COUNT));
            break;
        case 1:
            step_name(model);
            break;
        default:
            step_file(model);
            break;
        }
    }
    tide_io_sim_restart(model->sim);
    for (size_t i = 0; i < NAME_COUNT; i++) {
        check_name(model, i, outcomes);
    }
    tide_io_sim_destroy(model->sim);
}

static void power_cuts_agree_with_the_model(void **state)
{
    (void)state;
    static struct model model;
    struct outcomes outcomes = {0};
    for (uint64_t seed = 0; seed < SEED_COUNT; seed++) {
        run_model(seed, &model, &outcomes);
    }
    /* It forgot, tore and kept; otherwise nothing was tested. */
    assert_true(outcomes.as_now > SEED_COUNT / 4);
    assert_true(outcomes.other > SEED_COUNT / 4);
    assert_true(outcomes.absent > SEED_COUNT / 4);
}

static void the_same_seed_gives_the_same_world(void **state)
{
    (void)state;
    static struct model model;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct outcomes first = {0};
        struct outcomes second = {0};
        run_model(seed, &model, &first);
        run_model(seed, &model, &second);
        assert_memory_equal(&first, &second, sizeof(first));
    }
    uint64_t values[3] = {0};
    for (size_t i = 0; i < 3; i++) {
        struct tide_io_sim *sim = tide_io_sim_create(i / 2);
        tide_io_sim_io(sim).operations->random(sim, &values[i], sizeof(values[i]));
        tide_io_sim_destroy(sim);
    }
    assert_true(values[0] == values[1] && values[1] != values[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_follow_the_contract),
        cmocka_unit_test(open_files_outlive_their_names),
        cmocka_unit_test(a_kill_keeps_what_a_cut_may_lose),
        cmocka_unit_test(faults_come_when_armed),
        cmocka_unit_test(capacity_bounds_all_files),
        cmocka_unit_test(flips_stay),
        cmocka_unit_test(power_cuts_agree_with_the_model),
        cmocka_unit_test(the_same_seed_gives_the_same_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
