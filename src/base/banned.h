/* banned.h: functions that overflow, truncate in silence or keep hidden state do not compile here. */
#ifndef COMB_BASE_BANNED_H
#define COMB_BASE_BANNED_H

#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets strncpy strncat asctime ctime tmpnam mktemp

#endif
