//! A guest: a goroutine that reads its inbox, and does what it is told.

use rt::chan::{Receiver, Sender, bounded, never};
use rt::select;
use rt::task::Scope;

use crate::room::{Door, Line};

/// What a guest is told to do.
pub(crate) enum Order {
    Say(&'static str),
    Sleep,
    Wake,
    Leave,
    /// Nothing but to tell what it has read.
    Look,
}

/// The strings of a guest. It leaves when they are dropped.
pub(crate) struct Guest {
    pub(crate) name: &'static str,
    orders: Sender<Order>,
    /// What it has read since it was asked last: the answer to each order, and to its start.
    read: Receiver<Vec<Line>>,
}

impl Guest {
    pub(crate) fn start<'scope>(
        s: &'scope Scope<'scope, '_>,
        name: &'static str,
        door: &Door,
    ) -> (Guest, Vec<Line>) {
        let ((orders, to_do), (read, screen)) = (bounded(0), bounded(0));
        let door = door.clone();
        s.spawn(move || live(name, &door, &to_do, &read));
        let guest = Guest { name, orders, read: screen };
        let first = guest.answer();
        (guest, first)
    }

    /// Has it do something, and gives what it has read meanwhile, when it is done.
    pub(crate) fn order(&self, order: Order) -> Vec<Line> {
        match self.orders.send(order) {
            Ok(()) => self.answer(),
            // It is not in the room any more.
            Err(_) => Vec::new(),
        }
    }

    fn answer(&self) -> Vec<Line> {
        self.read.recv().unwrap_or_default()
    }
}

/// The life of a guest.
fn live(name: &str, door: &Door, orders: &Receiver<Order>, screen: &Sender<Vec<Line>>) {
    let inbox = match door.join(name) {
        Ok(inbox) => inbox,
        Err(refused) => {
            let _ = screen.send(vec![refused.to_string().into()]);
            return;
        }
    };
    let mut reading = inbox.clone();
    let mut read = Vec::new();
    let mut here = true;
    if screen.send(Vec::new()).is_err() {
        return;
    }
    while here {
        select! {
            // In this order: so it does what it is told when it has read everything.
            biased;
            recv(reading) -> line => match line {
                Ok(line) => read.push(line),
                Err(_) => {
                    read.push("(disconnected)".into());
                    reading = never();
                }
            },
            recv(orders) -> order => {
                match order {
                    Ok(Order::Say(text)) => here = door.say(name, text).is_ok(),
                    Ok(Order::Sleep) => reading = never(),
                    Ok(Order::Wake) => reading = inbox.clone(),
                    Ok(Order::Look) => {}
                    Ok(Order::Leave) | Err(_) => {
                        let _ = door.leave(name);
                        here = false;
                    }
                }
                here &= screen.send(std::mem::take(&mut read)).is_ok();
            },
        }
    }
}
