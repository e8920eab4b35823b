const known = new WeakMap();
const none = {};
export const withShortcuts = (store, shortcuts) => {
    known.set(store, shortcuts);
    return store;
};
export const shortcutsOf = (store) => known.get(store) ?? none;
