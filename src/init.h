/* SPDX-License-Identifier: MIT */
/* Start-up: by the constructor, or by a public function that is called before it. */
#ifndef MPG_INIT_H
#define MPG_INIT_H

__attribute__((visibility("hidden"))) void mpg_init(void);

#endif
