-- coalesced: a later delivery of the same topic and resource took its place before anybody had received it. Its row has no
-- payload; the later one told all that it told.
alter table webhook_logs drop constraint webhook_logs_status_check;
alter table webhook_logs add constraint webhook_logs_status_check check (status in
    ('received', 'applied', 'stale', 'unhandled', 'unknown_shop', 'waiting', 'coalesced', 'retrying', 'dead'));
