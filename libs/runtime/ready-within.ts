/** What came of a promise in time, or the promise itself. */
export type Readiness<T> = { readonly value: T } | { readonly late: Promise<T> };

/** Waits for a promise, but no longer than `ms`. Rejects as the promise does, where that is in time. */
export async function readyWithin<T>(promise: Promise<T>, ms: number): Promise<Readiness<T>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Readiness<T>>((resolve) => {
    timer = setTimeout(() => resolve({ late: promise }), ms);
  });
  try {
    return await Promise.race([promise.then((value) => ({ value })), late]);
  } finally {
    clearTimeout(timer);
  }
}
