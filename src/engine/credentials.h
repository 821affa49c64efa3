/* Credentials as the engine holds them: names, versions, policies and wrapped blobs. It has no value of any [I2]. */
#ifndef ENGINE_CREDENTIALS_H
#define ENGINE_CREDENTIALS_H

#include "engine/request.h"
#include "store/store.h"

[[gnu::warn_unused_result]] int credentials_load(struct store_reader *reader);

/* After the vault (re)started: gives it all that is active. */
void credentials_unlock(void (*done)(int code, void *user), void *user);

/* The vault's public keys, once it said them. */
struct identity {
    uint8_t box_public[32], audit_public[32];
    char origin[LIMIT_NAME];
};
const struct identity *identity_of_vault(void);
void identity_learn(void (*done)(int code, void *user), void *user);

#endif
