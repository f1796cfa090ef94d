//! The database: found or made, and its connections.

use std::{
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::{PATIENCE, Place, StoreError, evict, known::Known};

/// Says that a file is ours: "thrl".
const APPLICATION: i64 = 0x7468_726C;
/// Of the tables. A change of `schema.sql` raises it.
const VERSION: i64 = 4;
/// What is brought up to date: `upgrade.sql` knows how.
const BEFORE: i64 = 3;
/// Bodies and filters are long: few fit a page of SQLite's usual 4 KiB.
const PAGE: i64 = 8 << 10;
/// SQLite's memory ends at a GiB, and a request may go beyond the limit until room is made.
const MOST_MEMORY: u64 = 896 << 20;

/// What caches, requests on their way and the program itself take besides the tables, of a limit of memory.
const BESIDES: u64 = 40 << 20;

/// Bytes of tables, of a limit of memory or of a file.
pub(super) fn tables(place: &Place) -> u64 {
    match place.file {
        Some(_) => place.limit,
        None => place.limit - BESIDES.min(place.limit / 6),
    }
}

/// The writer's connection, and where others find the same database.
pub(super) fn open(place: &Place) -> Result<(Connection, PathBuf), StoreError> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    if let Some(file) = &place.file {
        if file.is_dir() {
            let why = "it is a folder; name a file in it".to_owned();
            return Err(StoreError::File(file.clone(), why));
        }
        let connection = prepare(file, place.limit).map_err(|why| match why {
            StoreError::File(..) => why,
            StoreError::Disk(error) | StoreError::Sqlite(error) => {
                StoreError::File(file.clone(), explain(&error))
            }
            other => StoreError::File(file.clone(), other.to_string()),
        })?;
        return Ok((connection, file.clone()));
    }
    if place.limit > MOST_MEMORY {
        return Err(StoreError::TooMuch(MOST_MEMORY >> 20));
    }
    let number = NUMBER.fetch_add(1, Relaxed);
    let name = format!("file:/throughline-{}-{number}?vfs=memdb", process::id());
    let path = PathBuf::from(name);
    let connection = connect(&path)?;
    connection.pragma_update(None, "page_size", PAGE)?;
    connection.execute_batch(include_str!("schema.sql"))?;
    Ok((connection, path))
}

fn prepare(file: &Path, limit: u64) -> Result<Connection, StoreError> {
    let mut connection = connect(file)?;
    let application: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let refuse = |why: String| Err(StoreError::File(file.to_owned(), why));
    let is_new = tables == 0 && [0, APPLICATION].contains(&application);
    match version(&connection)? {
        0 if is_new => {}
        _ if is_new || application != APPLICATION => {
            return refuse("it is a database of something else; name another file".to_owned());
        }
        VERSION | BEFORE => {}
        version if version > VERSION => {
            return refuse(format!(
                "it was written by a newer viewer (version {version} of the tables, this one knows {VERSION}); use that, or name another file"
            ));
        }
        version => {
            return refuse(format!(
                "it was written by an older viewer (version {version} of the tables, this one knows {VERSION}); name another file"
            ));
        }
    }
    if is_new {
        connection.pragma_update(None, "page_size", PAGE)?;
        connection.pragma_update(None, "application_id", APPLICATION)?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // What was acknowledged survives the process; a power cut may take the last of it.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    connection.pragma_update(None, "wal_autocheckpoint", (4 << 20) / PAGE)?;
    if version(&connection)? != VERSION {
        make_tables(&mut connection, file)?;
    }
    // The limit may be less than it was.
    evict::make_room(&mut connection, limit, &mut Known::default(), &None)?;
    if evict::size(&connection)? > limit
        && let Err(error) = shrink(&connection)
    {
        eprintln!(
            "throughline-viewer: {} stays larger than its limit: {error}; what is free in it is used again",
            file.display()
        );
    }
    Ok(connection)
}

/// Makes the tables, or brings them up to date. Another process may be about to do the same.
fn make_tables(connection: &mut Connection, file: &Path) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = version(&transaction)?;
    let change = match version {
        VERSION => return Ok(()),
        BEFORE => include_str!("upgrade.sql"),
        _ => include_str!("schema.sql"),
    };
    transaction.execute_batch(change)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    if version == BEFORE {
        eprintln!(
            "throughline-viewer: {} was written by an older viewer (version {BEFORE} of the tables) and has been brought up to version {VERSION}, which only newer ones open",
            file.display()
        );
    }
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Writes the file again without what is free in it. The copy that this takes is a file as well: it has no limit of memory.
fn shrink(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "temp_store", "FILE")?;
    let shrunk = connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    shrunk
}

pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

fn explain(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            "it is there, and is no database; name another file".to_owned()
        }
        Some(ErrorCode::DatabaseCorrupt) => {
            "it is damaged; move it away, or name another file".to_owned()
        }
        Some(ErrorCode::ReadOnly) => "it may not be written".to_owned(),
        Some(ErrorCode::CannotOpen) => {
            "it cannot be opened; does its folder exist, and may it be written?".to_owned()
        }
        Some(ErrorCode::DatabaseBusy) => "another process is writing it".to_owned(),
        _ => error.to_string(),
    }
}
