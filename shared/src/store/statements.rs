//! The statements by which a mirrored table is written, made from its description. Erasure has its own ([`super::erasure`]).

use std::fmt::Write as _;

use super::table::{Column, KINDS_OF_ANY, Owner, Table};

/// The arrays that every statement on rows begins with, after those of the keys.
const VERSION: [(&str, &str); 2] = [("source_updated_at", "timestamptz"), ("observed_at", "timestamptz")];

impl Table {
    /// The columns by which a row is judged before anything else of it is sent.
    fn head(&self) -> Vec<(&'static str, &'static str)> {
        let mut head = self.key_columns();
        head.extend(VERSION);
        head.extend(
            self.owner_columns()
                .into_iter()
                .filter(|(name, _)| !self.keys.contains(name)),
        );
        head
    }

    fn key_columns(&self) -> Vec<(&'static str, &'static str)> {
        let mut keys = vec![("shop_id", "bigint")];
        keys.extend(self.keys.iter().map(|name| (*name, "bigint")));
        keys
    }

    fn owner_columns(&self) -> Vec<(&'static str, &'static str)> {
        match self.owner {
            None => Vec::new(),
            Some(Owner::One { column, .. }) => vec![(column, "bigint")],
            Some(Owner::Any) => vec![("owner_type", "text"), ("owner_id", "bigint")],
        }
    }

    /// Every column that a row brings, in the order in which it is bound.
    fn sent(&self) -> Vec<(&'static str, &'static str)> {
        let mut sent = self.key_columns();
        sent.extend(VERSION);
        sent.extend(self.columns.iter().map(|column| (column.name, column.sent)));
        sent
    }

    /// What becomes of each row, as far as its version alone tells, after which moment a fetch could settle a tie, and
    /// since when the row's owner was known not to have it. Rows that are to be written are left out.
    pub(super) fn judge(&self) -> String {
        let head = self.head();
        let source = head.len() + 1;
        let set = self.set_without();
        // One look-up in the index for each row: whatever the statistics say, never a scan of the table.
        format!(
            "select array_agg(t.n), array_agg(verdict), array_agg(case when verdict = 'tie' then \
             greatest(t.observed_at, p.observed_at, case when outside then s.observed_at end) end), \
             array_agg(case when outside then nullif(s.observed_at, 'infinity') end) \
             from {rows} \
             left join lateral (select * from {table} p where {key} limit 1) p on true \
             left join lateral ({set}) s on true \
             cross join lateral (select s.observed_at is not null \
             and not coalesce(p.deleted_at is null and p.observed_at > s.observed_at, false) as outside) o \
             cross join lateral (select case when not outside then judge(p.source_updated_at, p.observed_at, \
             p.deleted_at, p.source, t.source_updated_at, t.observed_at, ${source}, null) \
             when ${source} = 'bulk' and s.observed_at < 'infinity' and not ({owner_is_gone}) then 'tie' else 'stale' end \
             as verdict) j where verdict <> 'apply'",
            table = self.name,
            rows = numbered_rows(&head),
            owner_is_gone = self.owner_is_gone(),
            key = self.same_key("p", "t"),
        )
    }

    /// The same for rows of the same second, whose columns decide.
    pub(super) fn compare(&self) -> String {
        let sent = self.sent();
        format!(
            "select array_agg(t.n), array_agg(verdict), \
             array_agg(case when verdict = 'tie' then greatest(t.observed_at, p.observed_at) end), \
             array_agg(null::timestamptz) from {rows} \
             cross join lateral (select * from {table} p where {key} limit 1) p \
             cross join lateral (select judge(p.source_updated_at, p.observed_at, p.deleted_at, p.source, \
             t.source_updated_at, t.observed_at, ${source}, ({stored}) is not distinct from ({incoming})) as verdict \
             from shops sh where sh.id = t.shop_id) j where verdict <> 'apply'",
            table = self.name,
            rows = numbered_rows(&sent),
            key = self.same_key("p", "t"),
            source = sent.len() + 1,
            stored = self.tuple("p.", |column| format!("p.{}", column.name)),
            incoming = self.tuple("t.", |column| column.unless_refused(&column.cast("t."), "p.")),
        )
    }

    /// Writes the rows, newest wins, in their order. What was judged before is judged again under the row's lock, for a
    /// writer that came in between. Returns the keys written and whether the rows are new, in arrays.
    pub(super) fn write(&self) -> String {
        let mut sent = self.sent();
        sent.push(("raw", "text"));
        let keys = self.keys_of("");
        let (guarded, others): (Vec<&Column>, Vec<&Column>) =
            self.columns.iter().partition(|column| column.guard.is_some());
        let mut assignments: String = others
            .iter()
            .map(|column| format!("{0} = excluded.{0}, ", column.name))
            .collect();
        if !guarded.is_empty() {
            let names: Vec<&str> = guarded.iter().map(|column| column.name).collect();
            let stored = format!("{}.", self.name);
            let values = guarded
                .iter()
                .map(|column| column.unless_refused(&format!("excluded.{}", column.name), &stored));
            write!(
                assignments,
                "({}) = (select {} from shops sh where sh.id = excluded.shop_id), ",
                names.join(", "),
                values.collect::<Vec<_>>().join(", "),
            )
            .expect("a string takes every write");
        }
        format!(
            "with written as (insert into {table} ({columns}, source_updated_at, observed_at, raw, source) \
             select {casts}, source_updated_at, observed_at, nullif(raw, '')::jsonb, ${source} \
             from {rows} on conflict ({keys}) do update \
             set {assignments}source_updated_at = excluded.source_updated_at, observed_at = excluded.observed_at, \
             deleted_at = null, synced_at = now(), source = excluded.source, raw = excluded.raw \
             where judge({table}.source_updated_at, {table}.observed_at, {table}.deleted_at, {table}.source, \
             excluded.source_updated_at, excluded.observed_at, excluded.source, ({stored}) is not distinct from \
             ({excluded})) = 'apply' returning {keys}, xmax = 0 as is_new) select {written}, array_agg(is_new) from written",
            table = self.name,
            written = self.keys_in_arrays(),
            rows = rows(&sent),
            columns = self.tuple("", |column| column.name.to_owned()),
            casts = self.tuple("", |column| column.cast("")),
            source = sent.len() + 1,
            stored = self.tuple(&format!("{}.", self.name), |column| format!(
                "{}.{}",
                self.name, column.name
            )),
            excluded = self.tuple("excluded.", |column| format!("excluded.{}", column.name)),
        )
    }

    /// Writes tombstones, also for rows never seen. Returns the places of those that something observed later had
    /// already brought back or deleted.
    pub(super) fn delete(&self) -> String {
        let mut sent = self.key_columns();
        sent.push(("deleted_at", "timestamptz"));
        let keys = self.keys_of("");
        format!(
            "with incoming as (select * from {rows}), \
             written as (insert into {table} ({keys}, source_updated_at, observed_at, deleted_at, source) \
             select {keys}, '-infinity', '-infinity', deleted_at, ${source} from incoming order by {keys} \
             on conflict ({keys}) do update \
             set deleted_at = excluded.deleted_at, synced_at = now(), source = excluded.source \
             where {table}.observed_at <= excluded.deleted_at \
             and ({table}.deleted_at is null or {table}.deleted_at < excluded.deleted_at) returning {keys}) \
             select i.n from incoming i where not exists (select from written w where {same})",
            table = self.name,
            rows = numbered_rows(&sent),
            source = sent.len() + 1,
            same = self.same_key("w", "i"),
        )
    }

    /// Turns the members that left the sets of these owners into tombstones. Returns their keys and since when.
    pub(super) fn remove_missing(&self) -> String {
        self.removal(
            "from unnest($1::bigint[], $2::text[], $3::bigint[]) as t (shop_id, members, owner_id) \
             join member_sets s on s.shop_id = t.shop_id and s.members = t.members and s.owner_id = t.owner_id",
            "",
            "$4",
        )
    }

    /// The same for all owners of a store.
    pub(super) fn settle(&self) -> String {
        self.removal(
            "from member_sets s",
            "s.shop_id = $1 and s.observed_at >= $2 and ",
            "v.source",
        )
    }

    fn removal(&self, from: &str, condition: &str, source: &str) -> String {
        if self.owner.is_none() {
            return String::new();
        }
        let keys = self.keys_of("v.");
        format!(
            "with gone as (select {keys}, s.observed_at {from} join {table} v on v.shop_id = s.shop_id and ({left}) \
             where {condition}v.deleted_at is null and v.observed_at <= s.observed_at \
             order by {keys} for update of v) \
             update {table} v set deleted_at = gone.observed_at, synced_at = now(), source = {source} from gone \
             where {same} returning {keys}, nullif(v.deleted_at, 'infinity')",
            table = self.name,
            left = self.left_a_set("v"),
            same = self.same_key("v", "gone"),
        )
    }

    /// The latest set, told no earlier than a row was observed, of an owner that did not have the row. A bulk row was read
    /// some time after its `observed_at`, perhaps when its owner had it again: then nobody can say, unless the owner itself
    /// is gone.
    fn set_without(&self) -> String {
        format!(
            "select s.observed_at from member_sets s where s.shop_id = t.shop_id and ({left}) \
             and s.observed_at >= t.observed_at order by s.observed_at desc limit 1",
            left = self.left_a_set("t"),
        )
    }

    /// Whether a set `s` is that of an owner of the row and lacks the row.
    fn left_a_set(&self, row: &str) -> String {
        let lacks = self.owners().enumerate().map(|(place, owner)| match owner {
            Owner::One { kind, column, member } => {
                let other = if place == 0 { String::new() } else { format!("/{kind}") };
                format!(
                    "s.members = '{table}{other}' and s.owner_id = {row}.{column} and not {row}.{member} = any (s.ids)",
                    table = self.name,
                )
            }
            Owner::Any => format!(
                "s.members = '{table}/' || {row}.owner_type and s.owner_id = {row}.owner_id \
                 and not {row}.id = any (s.ids)",
                table = self.name,
            ),
        });
        let lacks = lacks.collect::<Vec<_>>().join(" or ");
        if lacks.is_empty() { "false".to_owned() } else { lacks }
    }

    /// Whether the owner of a row is known to be gone, which is for good.
    fn owner_is_gone(&self) -> String {
        let gone = |kind: &str, column: &str| {
            let mut owners = super::tables().into_iter().filter(|table| table.kind == kind);
            let owner = owners.next().expect("every kind of owner has a table");
            // Not `exists`, for which the planner may choose to read the whole table.
            format!(
                "(select o.deleted_at from {owner} o where o.shop_id = t.shop_id and o.{key} = t.{column} limit 1) \
                 is not null",
                owner = owner.name,
                key = owner.keys[0],
            )
        };
        let gone: Vec<String> = self
            .owners()
            .flat_map(|owner| match owner {
                Owner::One { kind, column, .. } => vec![gone(kind, column)],
                Owner::Any => KINDS_OF_ANY
                    .map(|kind| format!("t.owner_type = '{kind}' and {}", gone(kind, "owner_id")))
                    .to_vec(),
            })
            .collect();
        if gone.is_empty() {
            "true".to_owned()
        } else {
            gone.join(" or ")
        }
    }

    /// The key columns, each after a prefix.
    fn keys_of(&self, prefix: &str) -> String {
        let mut names = format!("{prefix}shop_id");
        for key in self.keys {
            write!(names, ", {prefix}{key}").expect("a string takes every write");
        }
        names
    }

    /// The key columns of many rows.
    fn keys_in_arrays(&self) -> String {
        let keys = self.key_columns().into_iter();
        let arrays: Vec<String> = keys.map(|(name, _)| format!("array_agg({name})")).collect();
        arrays.join(", ")
    }

    /// The key columns, each after a prefix, and the others.
    fn tuple(&self, prefix: &str, item: impl Fn(&Column) -> String) -> String {
        let mut tuple = self.keys_of(prefix);
        for column in self.columns {
            write!(tuple, ", {}", item(column)).expect("a string takes every write");
        }
        tuple
    }

    fn same_key(&self, one: &str, other: &str) -> String {
        let mut same = format!("{one}.shop_id = {other}.shop_id");
        for key in self.keys {
            write!(same, " and {one}.{key} = {other}.{key}").expect("a string takes every write");
        }
        same
    }
}

impl Column {
    /// The new value, or the stored one where Shopify refuses to show what it guards: then null is not null. `sh` is the
    /// store.
    fn unless_refused(&self, new: &str, stored: &str) -> String {
        if self.guard.is_some() {
            format!(
                "case when sh.refuses_personal then coalesce({new}, {stored}{}) else {new} end",
                self.name
            )
        } else {
            new.to_owned()
        }
    }

    /// The value as the column's type.
    fn cast(&self, prefix: &str) -> String {
        if self.pg == self.sent {
            format!("{prefix}{}", self.name)
        } else {
            format!("{prefix}{}::{}", self.name, self.pg)
        }
    }
}

/// The sent arrays as rows `t`, in their order. Side by side in one list, arrays become rows one after the other; as
/// arguments of one `unnest`, Postgres would write each array into a store of its own first, which takes twice as long.
fn rows(sent: &[(&str, &str)]) -> String {
    let arrays = sent
        .iter()
        .enumerate()
        .map(|(place, (name, sent))| (*name, array(place, sent)));
    rows_of(arrays.collect())
}

/// The same with their places `n`, counted from one.
fn numbered_rows(sent: &[(&str, &str)]) -> String {
    let arrays = sent
        .iter()
        .enumerate()
        .map(|(place, (name, sent))| (*name, array(place, sent)));
    let (_, first) = sent[0];
    let places = format!(
        "array(select generate_series(1::bigint, cardinality({})))",
        array(0, first)
    );
    rows_of(arrays.chain([("n", places)]).collect())
}

fn array(place: usize, sent: &str) -> String {
    format!("${}::{sent}[]", place + 1)
}

fn rows_of(arrays: Vec<(&str, String)>) -> String {
    let arrays_named = arrays.iter().map(|(name, array)| format!("{array} as {name}"));
    let columns = arrays.iter().map(|(name, _)| format!("unnest({name}) as {name}"));
    // The planner must not see how many rows there are. No plan depends on it, but for many it would compile the
    // statement, which takes longer than to run it.
    format!(
        "(select {} from (select {} offset 0) a) t",
        columns.collect::<Vec<_>>().join(", "),
        arrays_named.collect::<Vec<_>>().join(", ")
    )
}
