/**
 * How many attempts may run at once when the system itself runs short of processes or descriptors. Ordinarily without bound: the
 * engine limits parallelism. After a refusal there is room for one less than were running; every attempt that then starts
 * makes room for one more.
 */
export interface Admission {
  /** Takes a place, if there is one now. */
  enterAtOnce(): boolean;
  /** Takes a place, waiting for one if need be; false when `isWanted` says no by then. */
  enter(isWanted: () => boolean): Promise<boolean>;
  /** Gives the place back. */
  leave(how: 'started' | 'refused'): void;
  /** How many places are taken. */
  readonly running: number;
  /** Lets those who wait and are no longer wanted go. */
  review(): void;
}

/** No bound until the first refusal. */
export function createAdmission(): Admission {
  let room = Number.POSITIVE_INFINITY;
  let running = 0;
  const waiting: { readonly isWanted: () => boolean; readonly admit: (entered: boolean) => void }[] = [];
  const review = (): void => {
    for (let index = 0; index < waiting.length; ) {
      const next = waiting[index];
      const isWanted = next?.isWanted() ?? false;
      if (isWanted && running >= room) {
        index += 1;
        continue;
      }
      waiting.splice(index, 1);
      if (isWanted) running += 1;
      next?.admit(isWanted);
    }
  };
  const enterAtOnce = (): boolean => {
    if (running >= room) return false;
    running += 1;
    return true;
  };
  return {
    enterAtOnce,
    enter: (isWanted) => {
      if (enterAtOnce()) return Promise.resolve(true);
      return new Promise((admit) => {
        waiting.push({ isWanted, admit });
      });
    },
    leave: (how) => {
      running -= 1;
      room = how === 'refused' ? Math.max(1, running) : room + 1;
      review();
    },
    get running() {
      return running;
    },
    review,
  };
}
