#include "cli/lake_choice.h"

#include "process/identity.h"

static enum tide_exit open_place(const char *lake, struct tide_lake_choice *choice)
{
    struct tide_error error = {0};
    struct tide_identity identity = {0};
    const struct tide_lake_place_options options = {.config = &choice->config,
                                                    .url = lake != NULL ? tide_view_of(lake)
                                                                        : choice->config.lake_url,
                                                    .must_exist = true};
    enum tide_status status = tide_lake_place_open(&options, &choice->place, &error);
    bool is_missing = choice->place.is_missing;
    if (status == TIDE_OK) {
        status = tide_identity_read(choice->place.store, &identity, &error);
        is_missing = status == TIDE_REJECT;
    }
    if (is_missing) {
        return tide_fail(TIDE_EXIT_NOT_FOUND,
                         "there is no lake in %s: %s",
                         tide_bytes_terminated(&choice->place.where),
                         error.text);
    }
    return status == TIDE_OK ? TIDE_EXIT_OK : tide_fail(tide_exit_of(status), "%s", error.text);
}

enum tide_exit tide_lake_choice_open(struct tide_arena *arena,
                                     const struct tide_invocation *invocation,
                                     struct tide_lake_choice *choice)
{
    const char *data = tide_invocation_text(invocation, "--data", NULL);
    const char *lake = tide_invocation_text(invocation, "--lake", NULL);
    *choice = (struct tide_lake_choice){0};
    if (data != NULL && lake != NULL) {
        return tide_fail(TIDE_EXIT_USAGE, "--data DIR is --lake DIR/lake: give one of them");
    }
    enum tide_exit exit = tide_config_load(arena,
                                           invocation,
                                           tide_invocation_text(invocation, "--config", NULL),
                                           tide_invocation_text(invocation, "--preset", NULL),
                                           &choice->config);
    if (exit == TIDE_EXIT_OK) {
        exit = tide_config_flags(arena, data, NULL, &choice->config);
    }
    return exit == TIDE_EXIT_OK ? open_place(lake, choice) : exit;
}

void tide_lake_choice_close(struct tide_lake_choice *choice)
{
    tide_lake_place_close(&choice->place);
}
