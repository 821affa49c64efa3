/* The version of Sallyport, and where an installed one finds its parts. Both are set by the build. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#ifndef SALLYPORT_VERSION
#define SALLYPORT_VERSION "0.1.0"
#endif

#endif
