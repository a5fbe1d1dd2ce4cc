//! The pages, in the order in which their spans arrived.

use std::collections::VecDeque;

use super::filter::{self, Filter};
use super::page::{LISTS, Page};
use super::search::Search;

/// The bytes of a page without its lists.
const PAGE: usize = filter::SIZE + size_of::<Page>();
/// How many pages are removed at a time: those of twice as many spans as an insert adds.
const RETIRED_AT_ONCE: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Pages {
    pages: VecDeque<Page>,
    /// The number of the first page.
    first: u64,
    /// Filters of retired pages, for new ones.
    spare: Vec<Filter>,
    /// The bytes of the lists of all pages but the last.
    lists: usize,
}

impl Pages {
    /// The bytes of all pages.
    pub(super) fn size(&self) -> usize {
        (self.pages.len() + self.spare.len()) * PAGE + self.lists + LISTS
    }

    /// The bytes that are reserved for new pages.
    pub(super) fn reserved(&self) -> usize {
        self.spare.len() * PAGE + LISTS
    }

    /// How many bytes the next span may add.
    pub(super) fn growth(&self) -> usize {
        let full = self.pages.back().is_none_or(Page::is_full);
        if full { PAGE + LISTS } else { 0 }
    }

    /// The page for the next span.
    pub(super) fn open(&mut self) -> &mut Page {
        if self.pages.back().is_none_or(Page::is_full) {
            if let Some(full) = self.pages.back_mut() {
                full.close();
                self.lists += full.lists();
            }
            let cleared = |mut filter: Filter| {
                filter.clear();
                filter
            };
            let filter = self.spare.pop().map_or_else(Filter::new, cleared);
            self.pages.push_back(Page::new(filter));
        }
        let last = self.pages.len() - 1;
        &mut self.pages[last]
    }

    /// Removes the first pages as long as all their traces are older than this one, some at a time;
    /// returns whether there was one.
    pub(super) fn retire(&mut self, oldest: u64) -> bool {
        let mut retired = 0;
        while retired < RETIRED_AT_ONCE && self.pages.len() > 1 && self.pages[0].youngest < oldest {
            if let Some(page) = self.pages.pop_front() {
                self.first += 1;
                self.lists -= page.lists();
                self.spare.push(page.filter);
                retired += 1;
            }
        }
        retired > 0
    }

    /// The number of the first page, and the number after the last.
    pub(super) fn numbers(&self) -> (u64, u64) {
        (self.first, self.first + self.pages.len() as u64)
    }

    pub(super) fn get(&self, number: u64) -> Option<&Page> {
        let index = number.checked_sub(self.first)?;
        self.pages.get(usize::try_from(index).ok()?)
    }

    /// The pages that may match a search by their times and durations: the latest start of their
    /// traces, and their numbers.
    pub(super) fn that_may_match(&self, search: &Search) -> Vec<(u64, u64)> {
        let numbered = self.pages.iter().zip(self.first..);
        let matching = numbered.filter(|(page, _)| page.may_match(search));
        matching.map(|(page, n)| (page.newest, n)).collect()
    }
}
