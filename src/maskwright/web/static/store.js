// @ts-check
/**
 * What must outlive this page until the server has it: unsaved paint and unsent decisions, in the browser's IndexedDB.
 *
 * @typedef {{key: string, version: string, mask: Uint8Array, size: number, note: string}} Draft  `mask` packed
 * @typedef {import("./server.js").DecisionMessage} DecisionMessage
 * @typedef {{key?: number, dataset: string, tab: string, message: DecisionMessage}} Unsent
 */

const TAB = crypto.randomUUID();

/** @type {Promise<IDBDatabase>|null} */
let opened = null;

/** @returns {Promise<IDBDatabase>} */
function database() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("maskwright-review", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("drafts", { keyPath: "key" });
      request.result.createObjectStore("unsent", { keyPath: "key", autoIncrement: true });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

/**
 * @param {"drafts"|"unsent"} store @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} act
 * @returns {Promise<any>}
 */
async function within(store, mode, act) {
  const transaction = (await database()).transaction(store, mode, mode === "readwrite" ? { durability: "strict" } : {});
  const request = act(transaction.objectStore(store));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}

/** @param {Draft} draft */
export function keepDraft(draft) {
  return within("drafts", "readwrite", (store) => store.put(draft));
}

/** @param {string} key @returns {Promise<Draft|undefined>} */
export function draftOf(key) {
  return within("drafts", "readonly", (store) => store.get(key));
}

/** @param {string} key */
export function dropDraft(key) {
  return within("drafts", "readwrite", (store) => store.delete(key));
}

/** @param {string} prefix @returns {Promise<string[]>} the keys of drafts that begin so */
export function draftKeys(prefix) {
  return within("drafts", "readonly", (store) => store.getAllKeys(IDBKeyRange.bound(prefix, prefix + "\uffff")));
}

/** @param {string} dataset @param {DecisionMessage} message @returns {Promise<number>} its key */
export function keepUnsent(dataset, message) {
  return within("unsent", "readwrite", (store) => store.add({ dataset, tab: TAB, message }));
}

/** @param {number} key @param {string} dataset @param {DecisionMessage} message */
export function changeUnsent(key, dataset, message) {
  return within("unsent", "readwrite", (store) => store.put({ key, dataset, tab: TAB, message }));
}

/** @param {number} key */
export function dropUnsent(key) {
  return within("unsent", "readwrite", (store) => store.delete(key));
}

/**
 * The decisions that a closed page of this dataset left unsent: this page takes them over.
 *
 * A page holds a lock with its name for as long as it lives, so that no two pages send the same decision.
 *
 * @param {string} dataset
 * @returns {Promise<Unsent[]>}
 */
export async function takeOverUnsent(dataset) {
  return navigator.locks.request("maskwright-take-over", async () => {
    void navigator.locks.request(`maskwright-tab-${TAB}`, () => new Promise(() => {}));
    const held = new Set((await navigator.locks.query()).held?.map((lock) => lock.name));
    /** @type {Unsent[]} */
    const all = await within("unsent", "readonly", (store) => store.getAll());
    const left = all.filter((one) => one.dataset === dataset && !held.has(`maskwright-tab-${one.tab}`));
    for (const one of left) await changeUnsent(/** @type {number} */ (one.key), dataset, one.message);
    return left;
  });
}
