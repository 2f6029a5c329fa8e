// The pages, by name. A page that comes is a line here: all that holds for every page is then tried on it.
import { day, imei } from './store.mjs';

export const event = {
    pair: `${imei.pair}-front-video-${day.replaceAll('-', '')}T072345Z`,
    damaged: `${imei.damaged}-front-video-20241128T221000Z`,
    hole: `${imei.damaged}-rear-video-20241127T060000Z`,
    partial: `${imei.other}-front-video-20241129T090000Z`,
    photos: `${imei.other}-front-photo-20241126T120000Z`,
    driver: `${imei.evil}-driver-photo-20241129T100000Z`,
};

export const pages = {
    events: '/',
    table: '/?view=table',
    none: '/?q=nothing-has-this',
    event: `/event/${event.pair}`,
    damaged: `/event/${event.damaged}`,
    partial: `/event/${event.partial}`,
    photos: `/event/${event.photos}`,
    requests: '/requests',
    upload: '/upload',
    packages: '/packages',
    vehicles: '/vehicles',
    vehicle: `/vehicle/${imei.pair}`,
    map: '/map',
    status: '/status',
    'not-found': '/nothing',
};

// An address that a page of the store leads to, and that is a page itself.
export const isPage = (path) => !/^\/(original|copy|package|assets|logout|live|metrics|status\.json)\b/.test(path);
