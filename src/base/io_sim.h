/* A file system in memory that forgets like a real one at a power cut.
 *
 * It keeps, for each file, what is durable and the list of writes since the last sync, and for each
 * directory the durable names and the changes since. A crash picks, by the seed, which unsynced
 * writes and name changes survive, and how much of a torn one (sectors of 512 bytes, in any order).
 * Faults by count: the n-th operation fails with no space, an I/O error, or stops the world.
 * One thread. */
#ifndef TIDE_BASE_IO_SIM_H
#define TIDE_BASE_IO_SIM_H

#include "base/io.h"

struct tide_io_sim;

enum tide_io_sim_fault {
    TIDE_IO_SIM_FAULT_NONE,
    TIDE_IO_SIM_FAULT_CRASH,      /* the world stops: this and every later operation fails FATAL */
    TIDE_IO_SIM_FAULT_NO_SPACE,   /* a write-like operation fails RETRY (part may be written) */
    TIDE_IO_SIM_FAULT_SYNC_FAILS, /* the next sync fails FATAL and what was unsynced is dropped */
};

/* NULL: out of memory. */
struct tide_io_sim *tide_io_sim_create(uint64_t seed);
void tide_io_sim_destroy(struct tide_io_sim *sim);
struct tide_io tide_io_sim_io(struct tide_io_sim *sim);
/* Arms one fault at the operation_count-th operation from now (1 = the next). */
void tide_io_sim_arm(struct tide_io_sim *sim,
                     enum tide_io_sim_fault fault,
                     uint64_t operation_count);
bool tide_io_sim_crashed(const struct tide_io_sim *sim);
/* The power cut itself: unsynced state is resolved by the seed, all handles are dead, faults are
 * disarmed; what follows is the world after the restart. */
void tide_io_sim_restart(struct tide_io_sim *sim);
/* Bytes that all files together may hold; beyond it writes fail RETRY. 0: no limit. */
void tide_io_sim_set_capacity(struct tide_io_sim *sim, uint64_t bytes);
uint64_t tide_io_sim_operation_count(const struct tide_io_sim *sim);
/* A process killed (not the machine): unsynced state stays, handles die, faults are disarmed. After
 * a CRASH fault it makes a kill at that operation out of it. */
void tide_io_sim_kill(struct tide_io_sim *sim);
/* For corruption tests: flips one bit of the durable and current content. */
bool tide_io_sim_flip(struct tide_io_sim *sim, const char *path, uint64_t bit);

#endif
